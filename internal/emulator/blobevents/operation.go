package blobevents

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
)

// Types of blobs, as x-ms-blob-type names them.
const (
	blockBlob  = "BlockBlob"
	pageBlob   = "PageBlob"
	appendBlob = "AppendBlob"
)

// unknown is a size that only the service can tell.
const unknown = -1

// operation is a request that makes or replaces a whole blob: one that raises BlobCreated
// if it succeeds.
type operation struct {
	api         string
	container   string
	blob        string
	blobType    string // "": the service knows
	contentType string // "": the service knows, or its default
	size        int64  // unknown: the service knows
}

// classify tells whether a request writes a whole blob. base is the path of the account,
// "" where the account is in the host name.
//
// These do (Put Blob of all three types, Put Blob From URL, Put Block List, Copy Blob, and
// Copy Blob From URL); everything else, known or not, does not: blocks, pages and appended
// blocks are parts, and properties, metadata, tags, tiers, leases and snapshots are no
// content.
func classify(r *http.Request, base string) (operation, bool) {
	if r.Method != http.MethodPut {
		return operation{}, false
	}
	path, ok := strings.CutPrefix(r.URL.Path, base+"/")
	if !ok {
		return operation{}, false
	}
	q, _ := url.ParseQuery(r.URL.RawQuery) // what cannot be read is the service's to refuse
	if q.Has("restype") || q.Has("snapshot") || q.Has("versionid") {
		return operation{}, false
	}
	op := operation{size: unknown}
	if op.container, op.blob, ok = strings.Cut(path, "/"); !ok {
		op.container, op.blob = "$root", path
	}
	if op.container == "" || op.blob == "" {
		return operation{}, false
	}
	h := r.Header
	op.contentType = h.Get("X-Ms-Blob-Content-Type")
	switch comp := strings.ToLower(q.Get("comp")); {
	case comp == "blocklist":
		op.api, op.blobType = eventgrid.APIPutBlockList, blockBlob
	case comp != "":
		return operation{}, false
	case h.Get("X-Ms-Copy-Source") != "" && h.Get("X-Ms-Blob-Type") == "":
		op.api, op.contentType = eventgrid.APICopyBlob, ""
	case h.Get("X-Ms-Copy-Source") != "":
		op.api, op.contentType, op.blobType = eventgrid.APIPutBlob, "", blockBlob
	default:
		op.putBlob(r)
	}
	return op, true
}

// putBlob fills in what the request of a Put Blob says.
func (op *operation) putBlob(r *http.Request) {
	op.api, op.blobType = eventgrid.APIPutBlob, blockBlob
	if op.contentType == "" {
		op.contentType = r.Header.Get("Content-Type")
	}
	switch t := r.Header.Get("X-Ms-Blob-Type"); {
	case strings.EqualFold(t, pageBlob):
		op.blobType = pageBlob
		if n, err := strconv.ParseInt(r.Header.Get("X-Ms-Blob-Content-Length"), 10, 64); err == nil && n >= 0 {
			op.size = n
		}
	case strings.EqualFold(t, appendBlob):
		op.blobType, op.size = appendBlob, 0
	default:
		op.size = r.ContentLength // −1 is unknown too
	}
}
