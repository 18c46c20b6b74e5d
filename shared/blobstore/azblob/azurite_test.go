package azblob_test

import (
	"os"
	"testing"

	"github.com/skucast/skucast/internal/emulator/azurite"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/blobtest"
)

// TestConformance runs the driver against Azurite, as make peers does:
//
//	SKUCAST_AZURITE=$(tools/azurite/install.sh) go test ./shared/blobstore/azblob
func TestConformance(t *testing.T) {
	main := os.Getenv("SKUCAST_AZURITE")
	if main == "" {
		t.Skip("SKUCAST_AZURITE (the path that tools/azurite/install.sh prints) is not set: the azblob driver is not tested against a service")
	}
	server, err := azurite.Start(t.Context(), azurite.Config{Program: main, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for range 2 { // what is there already is no error
		if err := azblob.CreateContainers(t.Context(), server.ConnectionString(), blobstore.RawData, blobstore.ProcessedData, blobstore.Forecasts); err != nil {
			t.Fatal(err)
		}
	}
	if err := azblob.CreateContainers(t.Context(), server.ConnectionString(), "not a name"); err == nil {
		t.Error("a container without a proper name was made")
	}
	store, err := azblob.DialConnectionString(server.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("suite", func(t *testing.T) { // ends when its parallel tests do, before Azurite
		blobtest.Run(t, func(*testing.T) blobstore.Store { return store })
	})
}
