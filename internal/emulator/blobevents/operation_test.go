package blobevents

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, c := range []struct {
		request string // METHOD path?query header=value …
		want    string
	}{
		{"PUT /acc/raw-data/incoming/a.csv x-ms-blob-type=BlockBlob content-type=text/csv", "PutBlob raw-data incoming/a.csv BlockBlob text/csv 7"},
		{"PUT /acc/raw-data/incoming%2Fa.csv x-ms-blob-type=BlockBlob x-ms-blob-content-type=text/csv", "PutBlob raw-data incoming/a.csv BlockBlob text/csv 7"},
		{"PUT /acc/c/100%25.csv x-ms-blob-type=BlockBlob", "PutBlob c 100%.csv BlockBlob  7"},
		{"PUT /acc/c/a x-ms-blob-type=AppendBlob", "PutBlob c a AppendBlob  0"},
		{"PUT /acc/c/a x-ms-blob-type=PageBlob x-ms-blob-content-length=1024", "PutBlob c a PageBlob  1024"},
		{"PUT /acc/c/a x-ms-blob-type=PageBlob x-ms-blob-content-length=-5", "PutBlob c a PageBlob  -1"},
		{"PUT /acc/c/a?comp=blocklist", "PutBlockList c a BlockBlob  -1"},
		{"PUT /acc/c/a?comp=BlockList&timeout=5", "PutBlockList c a BlockBlob  -1"},
		{"PUT /acc/c/a x-ms-copy-source=https://x/y content-type=wrong", "CopyBlob c a   -1"},
		{"PUT /acc/c/a x-ms-copy-source=https://x/y x-ms-requires-sync=true", "CopyBlob c a   -1"},
		{"PUT /acc/c/a x-ms-copy-source=https://x/y x-ms-blob-type=BlockBlob", "PutBlob c a BlockBlob  -1"},
		{"PUT /acc/a.csv x-ms-blob-type=BlockBlob", "PutBlob $root a.csv BlockBlob  7"},
		{"PUT /acc/c/a?comp=block&blockid=AA%3D%3D", none},
		{"PUT /acc/c/a?comp=page x-ms-copy-source=https://x/y", none},
		{"PUT /acc/c/a?comp=appendblock", none},
		{"PUT /acc/c/a?comp=metadata", none},
		{"PUT /acc/c/a?comp=properties", none},
		{"PUT /acc/c/a?comp=tags", none},
		{"PUT /acc/c/a?comp=tier", none},
		{"PUT /acc/c/a?comp=lease", none},
		{"PUT /acc/c/a?comp=snapshot", none},
		{"PUT /acc/c/a?comp=undelete", none},
		{"PUT /acc/c/a?comp=copy&copyid=1", none},
		{"PUT /acc/c/a?comp=incrementalcopy x-ms-copy-source=https://x/y", none},
		{"PUT /acc/c/a?comp=of-next-year", none},
		{"PUT /acc/c?restype=container", none},
		{"PUT /acc/?restype=service&comp=properties", none},
		{"PUT /acc/c/", none},
		{"PUT /acc//a", none},
		{"PUT /acc/", none},
		{"PUT /acc", none},
		{"PUT /other/c/a", none},
		{"DELETE /acc/c/a", none},
		{"GET /acc/c/a", none},
		{"HEAD /acc/c/a", none},
		{"POST /acc/c/a?comp=query", none},
		{"POST /acc/?comp=batch", none},
		{"PATCH /acc/c/a?action=flush&position=7", none},
	} {
		parts := strings.Fields(c.request)
		r := httptest.NewRequest(parts[0], parts[1], strings.NewReader("content"))
		for _, h := range parts[2:] {
			name, value, _ := strings.Cut(h, "=")
			r.Header.Set(name, value)
		}
		got := none
		if op, ok := classify(r, "/acc"); ok {
			got = fmt.Sprintf("%s %s %s %s %s %d", op.api, op.container, op.blob, op.blobType, op.contentType, op.size)
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.request, got, c.want)
		}
	}
}

// Of an account in the host name the path is the blob's alone.
func TestClassifyWithoutABase(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, "/raw-data/incoming/a.csv", nil)
	if op, ok := classify(r, ""); !ok || op.container != "raw-data" || op.blob != "incoming/a.csv" {
		t.Errorf("%+v, %v", op, ok)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("PUT", "/acc/c/a%2Fb", "comp=blocklist", "/acc")
	f.Add("PUT", "/acc/c/a", "comp=%zz&a;b", "")
	f.Add("PUT", "//", "restype", "/")
	f.Fuzz(func(t *testing.T, method, path, query, base string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		u.RawQuery = query
		op, ok := classify(&http.Request{Method: method, URL: u, Header: http.Header{}}, base)
		switch {
		case !ok && op != (operation{}):
			t.Errorf("no operation, and %+v", op)
		case ok && (method != http.MethodPut || op.container == "" || op.blob == "" || strings.Contains(op.container, "/") || op.api == ""):
			t.Errorf("%s %s?%s: %+v", method, path, query, op)
		case ok && op.container != "$root" && base+"/"+op.container+"/"+op.blob != u.Path:
			t.Errorf("%s: container %q, blob %q", u.Path, op.container, op.blob)
		}
	})
}
