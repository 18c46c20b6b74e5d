// Package azblob is the blob store on Azure Storage, through Azure's own SDK.
//
// The SDK repeats a request whose answer was lost. A conditional put that had already
// succeeded then reports ErrExists or ErrChanged, so a writer may win without learning it:
// callers must read the record and not conclude who wrote it.
//
// Listings come in the service's order. On accounts with a flat namespace that is the byte
// order of names; a hierarchical namespace lists a folder's content where the folder's own
// name belongs, so "a/b" can come before "a-b".
package azblob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/skucast/skucast/shared/blobstore"
)

const (
	// oneRequest is the size up to which a blob is written by one Put Blob: the records of
	// the pipeline and the files of a unit.
	oneRequest = 1 << 20
	// Larger ones go in blocks; a put holds blockSize × inFlight bytes. 50,000 blocks, the
	// service's limit, make 195 GiB.
	blockSize = 4 << 20
	inFlight  = 4
)

// Store is a blobstore.Store on a storage account.
type Store struct{ client *sdk.Client }

var _ blobstore.Store = (*Store)(nil)

// New uses an SDK client of the account's blob service.
func New(client *sdk.Client) *Store { return &Store{client: client} }

// Dial uses the account at a URL like https://ACCOUNT.blob.core.windows.net with an
// identity. It makes no request.
func Dial(accountURL string, cred azcore.TokenCredential) (*Store, error) {
	c, err := sdk.NewClient(accountURL, cred, nil)
	if err != nil {
		return nil, fmt.Errorf("storage account %s: %w", accountURL, err)
	}
	return New(c), nil
}

// DialConnectionString uses the account of a connection string. It makes no request.
func DialConnectionString(s string) (*Store, error) {
	c, err := sdk.NewClientFromConnectionString(s, nil)
	if err != nil {
		return nil, errConnectionString
	}
	return New(c), nil
}

func (s *Store) blob(name string) *blockblob.Client {
	container, path := blobstore.Split(name)
	return s.client.ServiceClient().NewContainerClient(container).NewBlockBlobClient(path)
}

// Head implements blobstore.Store.
func (s *Store) Head(ctx context.Context, name string) (blobstore.Info, error) {
	return s.head(ctx, name, "")
}

func (s *Store) head(ctx context.Context, name, ifMatch string) (blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return blobstore.Info{}, err
	}
	p, err := s.blob(name).GetProperties(ctx, &blob.GetPropertiesOptions{AccessConditions: match(ifMatch)})
	if err != nil {
		return blobstore.Info{}, translate("head", name, blobstore.Condition{}, err)
	}
	if isFolder(p.Metadata) {
		return blobstore.Info{}, fmt.Errorf("%s: is a folder: %w", name, blobstore.ErrNotFound)
	}
	return info(name, p.ETag, p.LastModified, deref(p.ContentLength)), nil
}

// Open implements blobstore.Store. A stream that breaks is taken up again where it was, if
// the blob is still the same.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return nil, blobstore.Info{}, err
	}
	r, err := s.blob(name).DownloadStream(ctx, nil)
	if err != nil {
		return nil, blobstore.Info{}, translate("open", name, blobstore.Condition{}, err)
	}
	if isFolder(r.Metadata) {
		_ = r.Body.Close()
		return nil, blobstore.Info{}, fmt.Errorf("%s: is a folder: %w", name, blobstore.ErrNotFound)
	}
	body := r.NewRetryReader(ctx, nil)
	return &reader{name: name, body: body}, info(name, r.ETag, r.LastModified, deref(r.ContentLength)), nil
}

// ReadRange implements blobstore.Store.
func (s *Store) ReadRange(ctx context.Context, name string, off, n int64, ifMatch string) ([]byte, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	beyond := fmt.Errorf("%s: range of %d bytes at %d: %w", name, n, off, blobstore.ErrRange)
	if off < 0 || n < 0 {
		return nil, beyond
	}
	if n == 0 { // to the SDK, 0 bytes are all that follow
		_, err := s.head(ctx, name, ifMatch)
		return nil, err
	}
	r, err := s.blob(name).DownloadStream(ctx, &blob.DownloadStreamOptions{
		Range: blob.HTTPRange{Offset: off, Count: n}, AccessConditions: match(ifMatch),
	})
	if err != nil {
		return nil, translate("read", name, blobstore.Condition{}, err)
	}
	body := &reader{name: name, body: r.NewRetryReader(ctx, nil)}
	defer func() { _ = body.Close() }()
	b := bytes.NewBuffer(make([]byte, 0, min(n, deref(r.ContentLength))+bytes.MinRead))
	if _, err := b.ReadFrom(body); err != nil {
		return nil, err
	}
	if b.Len() == 0 { // Azurite's answer to a range at the end; the service's is 416
		return nil, beyond
	}
	return b.Bytes(), nil
}

// Put implements blobstore.Store.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, cond blobstore.Condition) (blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return blobstore.Info{}, err
	}
	first, err := io.ReadAll(io.LimitReader(body, oneRequest+1))
	if err != nil {
		return blobstore.Info{}, fmt.Errorf("put %s: %w", name, err)
	}
	access := match(cond.IfMatch)
	if cond.IfNoneMatch {
		access = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	}
	c := s.blob(name)
	if len(first) <= oneRequest {
		r, err := c.Upload(ctx, streaming.NopCloser(bytes.NewReader(first)), &blockblob.UploadOptions{AccessConditions: access})
		if err != nil {
			return blobstore.Info{}, translate("put", name, cond, err)
		}
		return info(name, r.ETag, r.LastModified, int64(len(first))), nil
	}
	count := &counter{r: io.MultiReader(bytes.NewReader(first), body)}
	r, err := c.UploadStream(ctx, count, &blockblob.UploadStreamOptions{
		BlockSize: blockSize, Concurrency: inFlight, AccessConditions: access,
	})
	if err != nil {
		return blobstore.Info{}, translate("put", name, cond, err)
	}
	return info(name, r.ETag, r.LastModified, count.n), nil
}

// List implements blobstore.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[blobstore.Info, error] {
	return func(yield func(blobstore.Info, error) bool) {
		if err := blobstore.CheckPrefix(prefix); err != nil {
			yield(blobstore.Info{}, err)
			return
		}
		container, path := blobstore.Split(prefix)
		pages := s.client.NewListBlobsFlatPager(container, &sdk.ListBlobsFlatOptions{Prefix: &path})
		for pages.More() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(blobstore.Info{}, translate("list", prefix, blobstore.Condition{}, err))
				return
			}
			for _, b := range page.Segment.BlobItems {
				p := b.Properties
				if deref(p.ResourceType) == "directory" { // hierarchical namespaces list them too
					continue
				}
				if !yield(info(container+"/"+deref(b.Name), p.ETag, p.LastModified, deref(p.ContentLength)), nil) {
					return
				}
			}
		}
	}
}

// Delete implements blobstore.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	_, err := s.blob(name).Delete(ctx, nil)
	if err = translate("delete", name, blobstore.Condition{}, err); errors.Is(err, blobstore.ErrNotFound) {
		return nil
	}
	return err
}

func check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return blobstore.CheckName(name)
}

func info(name string, etag *azcore.ETag, modified *time.Time, size int64) blobstore.Info {
	return blobstore.Info{
		Name: name, ETag: strings.Trim(string(deref(etag)), `"`), Size: size, LastModified: deref(modified).UTC(),
	}
}

func match(etag string) *blob.AccessConditions {
	if etag == "" {
		return nil
	}
	quoted := azcore.ETag(`"` + etag + `"`)
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &quoted}}
}

// isFolder recognises the folders of a hierarchical namespace, which answer like blobs.
func isFolder(metadata map[string]*string) bool {
	for k, v := range metadata {
		if strings.EqualFold(k, "hdi_isfolder") {
			return strings.EqualFold(deref(v), "true")
		}
	}
	return false
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// counter counts the bytes that a put takes from its body.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// reader translates the errors that come up while a stream is read.
type reader struct {
	name string
	body io.ReadCloser
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = translate("read", r.name, blobstore.Condition{}, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }
