package event

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestMessagesRoundTrip(t *testing.T) {
	t.Parallel()
	train := TrainMessage{V: 1, RunID: id, Unit: "00000003", File: "sales/bucket=00/a.parquet", FirstRow: 5, Rows: 7, FirstSeries: 2, NSeries: 1}
	if got, err := DecodeTrain(Encode(train)); err != nil || got != train {
		t.Errorf("train message came back as %+v (%v)", got, err)
	}
	if got, err := DecodeFinish(Encode(FinishMessage{1, id, "00000003"})); err != nil || got.Unit != "00000003" {
		t.Errorf("finish message came back as %+v (%v)", got, err)
	}
	if got, err := DecodeRun(Encode(RunMessage{1, id})); err != nil || got.RunID != id {
		t.Errorf("run message came back as %+v (%v)", got, err)
	}
}

func TestMessagesAreRefused(t *testing.T) {
	t.Parallel()
	run := func(b []byte) error { _, err := DecodeRun(b); return err }
	train := func(b []byte) error { _, err := DecodeTrain(b); return err }
	cases := []struct {
		name, body string
		decode     func([]byte) error
		says       string
	}{
		{"not JSON", `hello`, run, "message body"},
		{"empty", ``, run, "message body"},
		{"another version", `{"v":2,"run_id":"` + id + `"}`, run, "version 2"},
		{"unknown field", `{"v":1,"run_id":"` + id + `","x":1}`, run, `"x"`},
		{"short id", `{"v":1,"run_id":"abc"}`, run, "64 hex digits"},
		{"path as id", `{"v":1,"run_id":"../../etc"}`, run, "64 hex digits"},
		{"two objects", `{"v":1,"run_id":"` + id + `"}{}`, run, "text after"},
		{"unit of three digits", `{"v":1,"run_id":"` + id + `","unit":"001","file":"f","rows":1,"n_series":1}`, train, "8 digits"},
		{"no rows", `{"v":1,"run_id":"` + id + `","unit":"00000001","file":"f","rows":0,"n_series":1}`, train, "row range"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.decode([]byte(c.body))
			if !IsPermanent(err) || ReasonOf(err) != ReasonInvalidMessage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want a permanent one that says %q", err, c.says)
			}
		})
	}
}

func blobEvent(change func(string) string) []byte {
	return []byte(change(`{"specversion":"1.0","id":"e1","source":"/s","type":"Microsoft.Storage.BlobCreated",` +
		`"subject":"/blobServices/default/containers/raw-data/blobs/incoming/shop/a b.csv","time":"2026-01-02T03:04:05Z",` +
		`"data":{"api":"PutBlob","eTag":"\"0x1\"","contentLength":12,"url":"https://acc.blob.core.windows.net/raw-data/incoming/shop/a%20b.csv"}}`))
}

func TestDecodeBlobCreated(t *testing.T) {
	t.Parallel()
	e, err := DecodeBlobCreated(blobEvent(func(s string) string { return s }))
	if err != nil {
		t.Fatal(err)
	}
	if e.Container != "raw-data" || e.Blob != "incoming/shop/a b.csv" || e.ETag != "0x1" || e.Bytes != 12 || e.Time.IsZero() {
		t.Errorf("decoded %+v", e)
	}
	for name, c := range map[string][2]string{
		"event grid schema": {`"specversion":"1.0",`, ``},
		"another type":      {"BlobCreated", "BlobDeleted"},
		"file still empty":  {"PutBlob", "CreateFile"},
		"another subject":   {"/blobServices/default/containers/raw-data/blobs/", "/topics/"},
		"subject ≠ url":     {"shop/a b.csv", "shop/b b.csv"},
		"data is text":      {`"data":{`, `"data":"x","more":{`},
		"broken":            {"}}", "}"},
	} {
		bad := blobEvent(func(s string) string { return strings.Replace(s, c[0], c[1], 1) })
		if _, err := DecodeBlobCreated(bad); ReasonOf(err) != ReasonInvalidEvent {
			t.Errorf("%s: error %v, want a permanent invalid_event", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(blobEvent(func(s string) string { return s }))
	f.Add(Encode(TrainMessage{V: 1, RunID: id, Unit: "00000003", File: "f", Rows: 7, NSeries: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := DecodeBlobCreated(b); err == nil && (e.Container == "" || e.Blob == "") {
			t.Errorf("event without a blob was accepted: %q", b)
		}
		if m, err := DecodeTrain(b); err == nil && (len(m.RunID) != 64 || m.Rows <= 0) {
			t.Errorf("unusable message was accepted: %q", b)
		}
	})
}

func TestPermanent(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", Permanent("why", cause))
	if !IsPermanent(err) || ReasonOf(err) != "why" || !errors.Is(err, cause) {
		t.Errorf("%v lost its verdict", err)
	}
	if Permanent("why", nil) != nil || IsPermanent(cause) || ReasonOf(cause) != "" {
		t.Error("a transient error or nil became permanent")
	}
}
