package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// BlobCreatedType is the Event Grid type of a blob that was written completely.
const BlobCreatedType = "Microsoft.Storage.BlobCreated"

// PublishedType is the type of the event that publish-run sends to the custom topic.
const PublishedType = "Skucast.ForecastsPublished"

// CloudEvent is the CloudEvents 1.0 envelope in its JSON format.
type CloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            *time.Time      `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// BlobCreated is what a storage event says. Only Container, Blob and ETag are used, and
// only as a hint where to look: size and time are read from the blob itself.
type BlobCreated struct {
	ID        string
	Container string
	Blob      string // path inside the container
	ETag      string // without quotes
	Bytes     int64
	API       string
	Time      time.Time // zero if the event has none
}

// writeAPIs are the operations that leave a complete blob behind. CreateFile is missing
// on purpose: ADLS raises it for the still empty file.
var writeAPIs = map[string]bool{
	"FlushWithClose": true, "PutBlob": true, "PutBlockList": true, "CopyBlob": true, "SftpCommit": true,
}

// ReasonInvalidEvent is the reason of an event that no redelivery can make readable.
const ReasonInvalidEvent = "invalid_event"

// DecodeBlobCreated reads a BlobCreated event in CloudEvents 1.0 form. Foreign schemas,
// other types, subjects that disagree with the URL are permanent errors that name what
// was found.
func DecodeBlobCreated(raw []byte) (BlobCreated, error) {
	bad := func(format string, args ...any) (BlobCreated, error) {
		return BlobCreated{}, Permanent(ReasonInvalidEvent, fmt.Errorf(format, args...))
	}
	var e CloudEvent
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &e); err != nil {
		return bad("event is not JSON: %w", err)
	}
	if e.SpecVersion != "1.0" {
		return bad("event %.80q has specversion %.20q; the subscription must deliver CloudEvents 1.0", e.ID, e.SpecVersion)
	}
	if e.Type != BlobCreatedType {
		return bad("event %.80q has type %.80q, not %s; check the subscription's filter", e.ID, e.Type, BlobCreatedType)
	}
	var data struct {
		API           string `json:"api"`
		ETag          string `json:"eTag"`
		ContentLength int64  `json:"contentLength"`
		URL           string `json:"url"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return bad("event %.80q: data: %w", e.ID, err)
	}
	if !writeAPIs[data.API] {
		return bad("event %.80q was raised by %.40q, which does not leave a complete blob", e.ID, data.API)
	}
	container, blob, ok := splitSubject(e.Subject)
	if !ok {
		return bad("event %.80q has subject %.200q, not /blobServices/default/containers/<container>/blobs/<blob>", e.ID, e.Subject)
	}
	if data.URL != "" {
		u, err := url.Parse(data.URL)
		if err != nil || !strings.HasSuffix(u.Path, "/"+container+"/"+blob) {
			return bad("event %.80q: url and subject name different blobs", e.ID)
		}
	}
	b := BlobCreated{
		ID: e.ID, Container: container, Blob: blob, ETag: strings.Trim(data.ETag, `"`),
		Bytes: data.ContentLength, API: data.API,
	}
	if e.Time != nil {
		b.Time = *e.Time
	}
	return b, nil
}

func splitSubject(subject string) (container, blob string, ok bool) {
	rest, ok := strings.CutPrefix(subject, "/blobServices/default/containers/")
	if !ok {
		return "", "", false
	}
	container, blob, ok = strings.Cut(rest, "/blobs/")
	return container, blob, ok && container != "" && blob != "" && !strings.Contains(container, "/")
}
