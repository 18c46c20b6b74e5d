package blobevents_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"github.com/skucast/skucast/internal/emulator/azurite"
	"github.com/skucast/skucast/internal/emulator/blobevents"
	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/blobtest"
)

// recorder keeps the events of one proxy.
type recorder struct {
	mu  sync.Mutex
	all []eventgrid.BlobEvent
}

func (r *recorder) raise(_ context.Context, e eventgrid.BlobEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	return nil
}

func (r *recorder) take() []eventgrid.BlobEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// throughProxy starts Azurite with the proxy before it.
func throughProxy(t *testing.T, containers ...string) (connection string, events *recorder) {
	t.Helper()
	program := os.Getenv("SKUCAST_AZURITE")
	if program == "" {
		t.Skip("SKUCAST_AZURITE (the path that tools/azurite/install.sh prints) is not set: the proxy is not tested against a service")
	}
	s, err := azurite.Start(t.Context(), azurite.Config{Program: program, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	account, err := blobevents.ParseAccount(s.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	events = &recorder{}
	p, err := blobevents.Start(t.Context(), blobevents.Config{Backend: account, Raise: events.raise, LookEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := azblob.CreateContainers(t.Context(), p.ConnectionString(), containers...); err != nil {
		t.Fatal(err)
	}
	return p.ConnectionString(), events
}

// The driver passes its whole suite with the proxy in between: signatures, conditions,
// ranges, lists, broken streams.
func TestConformanceThroughTheProxy(t *testing.T) {
	connection, _ := throughProxy(t, blobstore.RawData, blobstore.ProcessedData, blobstore.Forecasts)
	store, err := azblob.DialConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("suite", func(t *testing.T) {
		blobtest.Run(t, func(*testing.T) blobstore.Store { return store })
	})
}

// Every operation of the SDK that writes, and those that do not: one event for each write.
func TestEveryWriteOfTheSDK(t *testing.T) {
	connection, events := throughProxy(t, "box")
	client, err := sdk.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	c := client.ServiceClient().NewContainerClient("box")
	b := c.NewBlockBlobClient("a/b ü%.csv")
	body := func(s string) io.ReadSeekCloser { return streaming.NopCloser(strings.NewReader(s)) }
	csv := &blob.HTTPHeaders{BlobContentType: new("text/csv")}
	large := bytes.Repeat([]byte("x"), 3<<20)
	page := make([]byte, 512)
	never := &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	const none = ""
	for _, op := range []struct {
		name string
		do   func() (*azcore.ETag, error)
		want string // api, blob, type, content type, of the event
		size int64
		fail bool
	}{
		{"Upload", func() (*azcore.ETag, error) {
			r, err := b.Upload(ctx, body("hello"), &blockblob.UploadOptions{HTTPHeaders: csv})
			return r.ETag, err
		}, "PutBlob a/b ü%.csv BlockBlob text/csv", 5, false},
		{"Upload over it", func() (*azcore.ETag, error) {
			r, err := b.Upload(ctx, body(""), nil)
			return r.ETag, err
		}, "PutBlob a/b ü%.csv BlockBlob application/octet-stream", 0, false},
		{"Upload that is refused", func() (*azcore.ETag, error) {
			r, err := b.Upload(ctx, body("x"), &blockblob.UploadOptions{AccessConditions: never})
			return r.ETag, err
		}, none, 0, true},
		{"UploadStream", func() (*azcore.ETag, error) {
			r, err := b.UploadStream(ctx, bytes.NewReader(large), &blockblob.UploadStreamOptions{BlockSize: 1 << 20, Concurrency: 2, HTTPHeaders: csv})
			return r.ETag, err
		}, "PutBlockList a/b ü%.csv BlockBlob text/csv", 3 << 20, false},
		{"UploadBuffer", func() (*azcore.ETag, error) {
			r, err := b.UploadBuffer(ctx, large, &blockblob.UploadBufferOptions{BlockSize: 1 << 20})
			return r.ETag, err
		}, "PutBlob a/b ü%.csv BlockBlob application/octet-stream", 3 << 20, false},
		{"StageBlock", func() (*azcore.ETag, error) {
			_, err := b.StageBlock(ctx, "AAAA", body("staged"), nil)
			return nil, err
		}, none, 0, false},
		{"CommitBlockList", func() (*azcore.ETag, error) {
			r, err := b.CommitBlockList(ctx, []string{"AAAA"}, nil)
			return r.ETag, err
		}, "PutBlockList a/b ü%.csv BlockBlob application/octet-stream", 6, false},
		{"CommitBlockList of nothing", func() (*azcore.ETag, error) {
			r, err := b.CommitBlockList(ctx, []string{"BBBB"}, nil)
			return r.ETag, err
		}, none, 0, true},
		{"StartCopyFromURL", func() (*azcore.ETag, error) {
			r, err := c.NewBlobClient("copy").StartCopyFromURL(ctx, b.URL(), nil)
			return r.ETag, err
		}, "CopyBlob copy BlockBlob application/octet-stream", 6, false},
		{"CopyFromURL", func() (*azcore.ETag, error) {
			r, err := c.NewBlobClient("copied").CopyFromURL(ctx, b.URL(), nil)
			return r.ETag, err
		}, "CopyBlob copied BlockBlob application/octet-stream", 6, false},
		{"UploadBlobFromURL, which Azurite refuses", func() (*azcore.ETag, error) {
			r, err := c.NewBlockBlobClient("fetched").UploadBlobFromURL(ctx, b.URL(), nil)
			return r.ETag, err
		}, none, 0, true},
		{"append: Create", func() (*azcore.ETag, error) {
			r, err := c.NewAppendBlobClient("log").Create(ctx, nil)
			return r.ETag, err
		}, "PutBlob log AppendBlob application/octet-stream", 0, false},
		{"append: AppendBlock", func() (*azcore.ETag, error) {
			_, err := c.NewAppendBlobClient("log").AppendBlock(ctx, body("line"), nil)
			return nil, err
		}, none, 0, false},
		{"page: Create", func() (*azcore.ETag, error) {
			r, err := c.NewPageBlobClient("disk").Create(ctx, 1024, nil)
			return r.ETag, err
		}, "PutBlob disk PageBlob application/octet-stream", 1024, false},
		{"page: UploadPages", func() (*azcore.ETag, error) {
			_, err := c.NewPageBlobClient("disk").UploadPages(ctx, streaming.NopCloser(bytes.NewReader(page)), blob.HTTPRange{Count: 512}, nil)
			return nil, err
		}, none, 0, false},
		{"page: Resize", func() (*azcore.ETag, error) {
			_, err := c.NewPageBlobClient("disk").Resize(ctx, 512, nil)
			return nil, err
		}, none, 0, false},
		{"SetMetadata", func() (*azcore.ETag, error) {
			_, err := b.SetMetadata(ctx, map[string]*string{"k": new("v")}, nil)
			return nil, err
		}, none, 0, false},
		{"SetHTTPHeaders", func() (*azcore.ETag, error) {
			_, err := b.SetHTTPHeaders(ctx, *csv, nil)
			return nil, err
		}, none, 0, false},
		{"SetTags", func() (*azcore.ETag, error) {
			_, err := b.SetTags(ctx, map[string]string{"k": "v"}, nil)
			return nil, err
		}, none, 0, false},
		{"SetTier", func() (*azcore.ETag, error) {
			_, err := b.SetTier(ctx, blob.AccessTierCool, nil)
			return nil, err
		}, none, 0, false},
		{"CreateSnapshot", func() (*azcore.ETag, error) {
			_, err := b.CreateSnapshot(ctx, nil)
			return nil, err
		}, none, 0, false},
		{"container: SetMetadata", func() (*azcore.ETag, error) {
			_, err := c.SetMetadata(ctx, &container.SetMetadataOptions{Metadata: map[string]*string{"k": new("v")}})
			return nil, err
		}, none, 0, false},
		{"Delete", func() (*azcore.ETag, error) {
			_, err := c.NewBlobClient("copied").Delete(ctx, nil)
			return nil, err
		}, none, 0, false},
	} {
		etag, err := op.do()
		if (err != nil) != op.fail {
			t.Errorf("%s: %v", op.name, err)
			continue
		}
		got := events.take()
		switch {
		case op.want == none && len(got) != 0:
			t.Errorf("%s raised %+v", op.name, got)
		case op.want == none:
		case len(got) != 1:
			t.Errorf("%s raised %d events: %+v", op.name, len(got), got)
		default:
			e := got[0]
			if s := strings.Join([]string{e.API, e.Blob, e.BlobType, e.ContentType}, " "); s != op.want || e.Size != op.size || e.Container != "box" {
				t.Errorf("%s raised %s of %d bytes, want %s of %d", op.name, s, e.Size, op.want, op.size)
			}
			if e.Time.IsZero() || etag == nil || `"`+e.ETag+`"` != string(*etag) {
				t.Errorf("%s raised ETag %s at %s, the client has %v", op.name, e.ETag, e.Time, etag)
			}
		}
	}
}

// A shared access signature, which covers the path too, holds through the proxy.
func TestSharedAccessSignature(t *testing.T) {
	connection, events := throughProxy(t, "box")
	client, err := sdk.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	url, err := client.ServiceClient().NewContainerClient("box").NewBlobClient("a.csv").GetSASURL(
		sas.BlobPermissions{Create: true, Write: true}, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range []bool{true, false} {
		if !signed {
			url = strings.Replace(url, "sig=", "sig=AAAA", 1)
		}
		b, err := blockblob.NewClientWithNoCredential(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Upload(t.Context(), streaming.NopCloser(strings.NewReader("x")), nil)
		if got := events.take(); (err == nil) != signed || (len(got) == 1) != signed {
			t.Errorf("signed %v: %v, %d events", signed, err, len(got))
		}
	}
}
