package azblob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
)

// service answers in the place of the account: what the service says and Azurite does not.
type service func(*http.Request) (*http.Response, error)

func (s service) Do(r *http.Request) (*http.Response, error) {
	resp, err := s(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

const signature = "sv=2024-01-01&sig=SECRETsignature"

func store(t *testing.T, s service) *azblob.Store {
	t.Helper()
	client, err := sdk.NewClientWithNoCredential("https://account.blob.core.windows.net/?"+signature, &sdk.ClientOptions{
		ClientOptions: policy.ClientOptions{Transport: s, Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return azblob.New(client)
}

func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func refuse(status int, code string) service {
	return func(*http.Request) (*http.Response, error) {
		return answer(status, "<Error><Code>"+code+"</Code><Message>many\nlines</Message></Error>",
			"x-ms-error-code", code, "Content-Type", "application/xml"), nil
	}
}

func TestAnswersOfTheService(t *testing.T) {
	t.Parallel()
	once, was := blobstore.Once, blobstore.Condition{IfMatch: "0x1"}
	put := func(cond blobstore.Condition) func(context.Context, *azblob.Store) error {
		return func(ctx context.Context, s *azblob.Store) error {
			_, err := s.Put(ctx, "forecasts/x", strings.NewReader("x"), cond)
			return err
		}
	}
	read := func(ctx context.Context, s *azblob.Store) error {
		_, err := s.ReadRange(ctx, "forecasts/x", 5, 1, "")
		return err
	}
	list := func(ctx context.Context, s *azblob.Store) error {
		for _, err := range s.List(ctx, "forecasts/") {
			return err
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		status int
		code   string
		do     func(context.Context, *azblob.Store) error
		want   error
	}{
		{"create, exists", 409, "BlobAlreadyExists", put(once), blobstore.ErrExists},
		{"create, condition", 412, "ConditionNotMet", put(once), blobstore.ErrExists},
		{"create, blocks taken away", 400, "InvalidBlockList", put(once), blobstore.ErrExists},
		{"swap, changed", 412, "ConditionNotMet", put(was), blobstore.ErrChanged},
		{"swap, gone", 404, "BlobNotFound", put(was), blobstore.ErrChanged},
		{"swap, blocks taken away", 400, "InvalidBlockList", put(was), blobstore.ErrChanged},
		{"swap, no container", 404, "ContainerNotFound", put(was), blobstore.ErrNotFound},
		{"put, no container", 404, "ContainerNotFound", put(blobstore.Condition{}), blobstore.ErrNotFound},
		{"put, blocks taken away", 400, "InvalidBlockList", put(blobstore.Condition{}), nil},
		{"put, leased", 412, "LeaseIdMissing", put(blobstore.Condition{}), nil},
		{"read, gone", 404, "BlobNotFound", read, blobstore.ErrNotFound},
		{"read, beyond", 416, "InvalidRange", read, blobstore.ErrRange},
		{"read, changed", 412, "ConditionNotMet", read, blobstore.ErrChanged},
		{"read, forbidden", 403, "AuthorizationFailure", read, nil},
		{"read, busy", 503, "ServerBusy", read, nil},
		{"list, no container", 404, "ContainerNotFound", list, blobstore.ErrNotFound},
		{"list, forbidden", 403, "AuthorizationFailure", list, nil},
	} {
		err := c.do(t.Context(), store(t, refuse(c.status, c.code)))
		for _, e := range []error{blobstore.ErrExists, blobstore.ErrChanged, blobstore.ErrNotFound, blobstore.ErrRange, blobstore.ErrInvalidName} {
			if errors.Is(err, e) != errors.Is(c.want, e) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		switch {
		case err == nil:
			t.Errorf("%s: no error", c.name)
		case strings.Contains(err.Error(), "\n"), !strings.Contains(err.Error(), "forecasts/"):
			t.Errorf("%s: not one line with the name: %v", c.name, err)
		case c.want == nil && !strings.Contains(err.Error(), fmt.Sprint(c.status, " ", c.code)):
			t.Errorf("%s: the answer is not named: %v", c.name, err)
		}
	}
}

// The URL of a broken connection holds the signature when the account is reached by one.
func TestNoSecretInErrors(t *testing.T) {
	t.Parallel()
	s := store(t, func(r *http.Request) (*http.Response, error) {
		return (&http.Client{Transport: cut{}}).Do(r)
	})
	_, err := s.Head(t.Context(), "forecasts/x")
	if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("Head: %v", err)
	}
	for _, conn := range []string{"AccountKey=SECRETkey", "AccountName=a;AccountKey=SECRET key", "SECRETnothing"} {
		if _, err := azblob.DialConnectionString(conn); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("DialConnectionString: %v", err)
		}
	}
}

type cut struct{}

func (cut) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// A hierarchical namespace shows folders as blobs of no bytes.
func TestFoldersAreNoBlobs(t *testing.T) {
	t.Parallel()
	s := store(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("comp") == "list" {
			return answer(200, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>
<Blob><Name>a</Name><Properties><Etag>0x1</Etag><Content-Length>0</Content-Length><ResourceType>directory</ResourceType></Properties></Blob>
<Blob><Name>a/b</Name><Properties><Etag>0x2</Etag><Content-Length>5</Content-Length><ResourceType>file</ResourceType></Properties></Blob>
</Blobs><NextMarker/></EnumerationResults>`, "Content-Type", "application/xml"), nil
		}
		return answer(200, "", "x-ms-meta-hdi_isfolder", "true", "ETag", `"0x1"`), nil
	})
	var got []blobstore.Info
	for in, err := range s.List(t.Context(), "raw-data/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, in)
	}
	if len(got) != 1 || got[0].Name != "raw-data/a/b" || got[0].ETag != "0x2" || got[0].Size != 5 {
		t.Errorf("List = %+v", got)
	}
	if _, err := s.Head(t.Context(), "raw-data/a"); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("Head of a folder: %v", err)
	}
	if _, _, err := s.Open(t.Context(), "raw-data/a"); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("Open of a folder: %v", err)
	}
}

// A stream that breaks is taken up with If-Match; a new version ends it with ErrChanged.
func TestStreamTakenUp(t *testing.T) {
	t.Parallel()
	for _, changed := range []bool{false, true} {
		s := store(t, func(r *http.Request) (*http.Response, error) {
			from := ""
			for k, v := range r.Header { // the SDK does not write it in the form that Get reads
				if strings.EqualFold(k, "x-ms-range") {
					from = v[0]
				}
			}
			if from == "" {
				resp := answer(200, "", "ETag", `"0x1"`, "Content-Length", "10")
				resp.ContentLength, resp.Body = 10, io.NopCloser(io.MultiReader(strings.NewReader("01234"), broken{}))
				return resp, nil
			}
			if got := from + " " + r.Header.Get("If-Match"); got != `bytes=5- "0x1"` {
				t.Errorf("taken up with %s", got)
			}
			if changed {
				return refuse(412, "ConditionNotMet")(r)
			}
			return answer(206, "56789", "ETag", `"0x1"`), nil
		})
		r, in, err := s.Open(t.Context(), "forecasts/x")
		if err != nil {
			t.Fatal(err)
		}
		if in.Size != 10 || in.ETag != "0x1" {
			t.Errorf("Info %+v", in)
		}
		b, err := io.ReadAll(r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		switch {
		case changed && (!errors.Is(err, blobstore.ErrChanged) || string(b) != "01234"):
			t.Errorf("changed: %q, %v", b, err)
		case !changed && (err != nil || string(b) != "0123456789"):
			t.Errorf("the same: %q, %v", b, err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// One request for a small blob, blocks for a large one, the condition on what commits.
func TestRequestsOfAPut(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{
		0:               "put*",
		1 << 20:         "put*",
		1<<20 + 1:       "put*", // one block of the SDK, sent as a whole
		4<<20 + 1:       "block block blocklist*",
		2 * (4 << 20):   "block block blocklist*",
		2*(4<<20) + 100: "block block block blocklist*",
	} {
		seen := make(chan string, 100)
		s := store(t, func(r *http.Request) (*http.Response, error) {
			op := r.URL.Query().Get("comp")
			if op == "" {
				op = "put"
			}
			if r.Header.Get("If-None-Match") == "*" {
				op += "*"
			}
			seen <- op
			var err error
			if r.Body != nil { // an empty blob has none
				_, err = io.Copy(io.Discard, r.Body)
			}
			return answer(201, "", "ETag", `"0x1"`, "Last-Modified", "Mon, 06 Jan 2025 10:00:00 GMT"), err
		})
		in, err := s.Put(t.Context(), "forecasts/x", io.MultiReader(bytes.NewReader(make([]byte, size))), blobstore.Once)
		if err != nil || in.Size != int64(size) || in.ETag != "0x1" || in.LastModified.Unix() != 1736157600 {
			t.Errorf("%d bytes: %+v, %v", size, in, err)
		}
		close(seen)
		var got []string
		for op := range seen {
			got = append(got, op)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d bytes: requests %v, want %s", size, got, want)
		}
	}
}
