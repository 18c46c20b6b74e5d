package worker

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
)

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
