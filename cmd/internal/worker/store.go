package worker

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
)

// OpenStore opens the blob store that the settings name, an account by the identity of the
// process.
func OpenStore(cfg config.Storage) (blobstore.Store, error) {
	if cfg.AccountURL == "" {
		return openStore(cfg, nil)
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, fmt.Errorf("managed identity: %w", err)
	}
	return openStore(cfg, cred)
}

// openStore opens the blob store that the settings name; config has checked that it is
// exactly one.
func openStore(cfg config.Storage, cred azcore.TokenCredential) (blobstore.Store, error) {
	switch {
	case cfg.Dir != "":
		return dirblob.Open(cfg.Dir)
	case cfg.ConnectionString != "":
		return azblob.DialConnectionString(cfg.ConnectionString.Reveal())
	default:
		return azblob.Dial(cfg.AccountURL, cred)
	}
}
