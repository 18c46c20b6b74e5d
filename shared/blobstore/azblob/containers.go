package azblob

import (
	"context"
	"errors"

	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/skucast/skucast/shared/blobstore"
)

// CreateContainers makes the containers that an account lacks: for emulators and for
// accounts that no Terraform has prepared.
func CreateContainers(ctx context.Context, connectionString string, names ...string) error {
	c, err := sdk.NewClientFromConnectionString(connectionString, nil)
	if err != nil {
		return errConnectionString
	}
	var errs []error
	for _, name := range names {
		if _, err := c.CreateContainer(ctx, name, nil); err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
			errs = append(errs, translate("create container", name, blobstore.Condition{}, err))
		}
	}
	return errors.Join(errs...)
}

// errConnectionString hides its cause, which may quote what it could not read: the key.
var errConnectionString = errors.New("the storage connection string is not of the form " +
	"DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net")
