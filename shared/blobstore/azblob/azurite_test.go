package azblob_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/blobtest"
)

// azuriteKey is the account key that Microsoft publishes for the emulator: no secret.
const azuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

// TestConformance runs the driver against Azurite, as make peers does:
//
//	SKUCAST_AZURITE=$(tools/azurite/install.sh) go test ./shared/blobstore/azblob
func TestConformance(t *testing.T) {
	main := os.Getenv("SKUCAST_AZURITE")
	if main == "" {
		t.Skip("SKUCAST_AZURITE (the path that tools/azurite/install.sh prints) is not set: the azblob driver is not tested against a service")
	}
	conn := fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=%s;BlobEndpoint=%s/devstoreaccount1;",
		azuriteKey, startAzurite(t, main))
	client, err := sdk.NewClientFromConnectionString(conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{blobstore.RawData, blobstore.ProcessedData, blobstore.Forecasts} {
		if _, err := client.CreateContainer(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	store, err := azblob.DialConnectionString(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("suite", func(t *testing.T) { // ends when its parallel tests do, before Azurite
		blobtest.Run(t, func(*testing.T) blobstore.Store { return store })
	})
}

// startAzurite starts the emulator on free ports of the loopback interface and returns the
// URL of its blob service.
func startAzurite(t *testing.T, main string) string {
	t.Helper()
	cmd := exec.Command("node", main, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", t.TempDir(),
		"--blobHost", "127.0.0.1", "--queueHost", "127.0.0.1", "--tableHost", "127.0.0.1",
		"--blobPort", "0", "--queuePort", "0", "--tablePort", "0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	listening := regexp.MustCompile(`Blob service is successfully listening at (http://\S+)`)
	url := make(chan string, 1)
	go func() { // reads on to the end, so that Azurite never waits for a reader
		defer close(url)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				url <- m[1]
			}
		}
	}()
	select {
	case u, ok := <-url:
		if !ok {
			t.Fatal("azurite ended before it listened")
		}
		return u
	case <-time.After(time.Minute): // node on a busy machine
		t.Fatal("azurite does not listen")
	}
	return ""
}
