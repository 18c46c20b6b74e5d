package eventgrid

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/skucast/skucast/shared/event"
)

// Operations that may raise BlobCreated.
const (
	APIPutBlob        = "PutBlob"
	APIPutBlockList   = "PutBlockList"
	APICopyBlob       = "CopyBlob"
	APIFlushWithClose = "FlushWithClose"
	APISFTPCommit     = "SftpCommit"
	APICreateFile     = "CreateFile" // an empty file: subscriptions filter it out
)

// BlobEvent is a write that the storage account tells of.
type BlobEvent struct {
	Container   string
	Blob        string // path inside the container
	ETag        string // without quotes
	Size        int64
	ContentType string // default application/octet-stream
	API         string // default PutBlob
	BlobType    string // default BlockBlob
	Time        time.Time
}

// storageSource is the account's resource id; the zero subscription says that it is
// nobody's.
func storageSource(account string) string {
	return "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/skucast-local" +
		"/providers/Microsoft.Storage/storageAccounts/" + account
}

// blobCreated builds the event as Azure writes it: the ETag with its quotes, times with
// seven digits, and a sequencer by which two events of one blob are ordered as strings.
func blobCreated(account, id string, sequence uint64, b BlobEvent) Event {
	if b.API == "" {
		b.API = APIPutBlob
	}
	if b.ContentType == "" {
		b.ContentType = "application/octet-stream"
	}
	if b.BlobType == "" {
		b.BlobType = "BlockBlob"
	}
	endpoint := "blob"
	if b.API == APIFlushWithClose || b.API == APICreateFile {
		endpoint = "dfs" // the operations of ADLS name its own host
	}
	u := url.URL{Scheme: "https", Host: account + "." + endpoint + ".core.windows.net", Path: "/" + b.Container + "/" + b.Blob}
	data := map[string]any{
		"api":             b.API,
		"clientRequestId": id,
		"requestId":       id,
		"eTag":            `"` + b.ETag + `"`,
		"contentType":     b.ContentType,
		"contentLength":   b.Size,
		"blobType":        b.BlobType,
		"accessTier":      "Default",
		"url":             u.String(),
		"sequencer":       fmt.Sprintf("%016X%032X", uint64(b.Time.UnixNano()), sequence),
		"storageDiagnostics": map[string]any{
			"batchId": id,
		},
	}
	if b.API == APIFlushWithClose {
		data["contentOffset"] = 0
	}
	e := Event{
		ID: id, Source: storageSource(account), Type: event.BlobCreatedType, API: b.API,
		Subject: "/blobServices/default/containers/" + b.Container + "/blobs/" + b.Blob,
	}
	raw, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject,
		"time": b.Time.UTC().Format("2006-01-02T15:04:05.0000000Z"), "data": data,
	})
	if err != nil {
		panic("eventgrid: " + err.Error()) // unreachable: strings and integers
	}
	e.Raw = raw
	return e
}
