package eventgrid

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/messaging"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/eventgrid/azsystemevents"

	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
)

// What is built must read alike by the vendor's types and by ours.
func TestBlobCreatedIsAzures(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 4, 5, 123456700, time.UTC)
	b := BlobEvent{
		Container: "raw-data", Blob: "incoming/acme/Umsätze 2026 #1.csv", ETag: "0x8D4BCC2E4835CD0", Size: 524288,
		ContentType: "text/csv", API: APIFlushWithClose, Time: at,
	}
	e := blobCreated("contoso", "831e1650-001e-001b-66ab-eeb76e069631", 7, b)

	var cloud messaging.CloudEvent
	if err := json.Unmarshal(e.Raw, &cloud); err != nil {
		t.Fatal(err)
	}
	if cloud.Type != string(azsystemevents.TypeStorageBlobCreated) || cloud.SpecVersion != "1.0" || cloud.ID != e.ID ||
		!cloud.Time.Equal(at) || *cloud.Subject != "/blobServices/default/containers/raw-data/blobs/incoming/acme/Umsätze 2026 #1.csv" {
		t.Errorf("envelope %+v", cloud)
	}
	var data azsystemevents.StorageBlobCreatedEventData
	if err := json.Unmarshal(cloud.Data.([]byte), &data); err != nil {
		t.Fatal(err)
	}
	if *data.API != APIFlushWithClose || *data.ETag != `"0x8D4BCC2E4835CD0"` || *data.ContentLength != 524288 || *data.ContentType != "text/csv" ||
		*data.BlobType != "BlockBlob" || *data.Sequencer == "" || !strings.HasPrefix(*data.URL, "https://contoso.dfs.core.windows.net/raw-data/incoming/acme/") {
		t.Errorf("data %s", cloud.Data)
	}
	ours, err := event.DecodeBlobCreated(e.Raw)
	if err != nil {
		t.Fatal(err)
	}
	want := event.BlobCreated{ID: e.ID, Container: b.Container, Blob: b.Blob, ETag: b.ETag, Bytes: b.Size, API: b.API, Time: at}
	if ours != want {
		t.Errorf("decoded %+v, want %+v", ours, want)
	}
	if !strings.Contains(string(e.Raw), `"time":"2026-11-23T10:04:05.1234567Z"`) {
		t.Errorf("time is not written with seven digits: %s", e.Raw)
	}
}

func TestSequencerOrdersAsText(t *testing.T) {
	sequencer := func(seq uint64, at time.Time) string {
		var e struct{ Data struct{ Sequencer string } }
		if err := json.Unmarshal(blobCreated("a", "i", seq, BlobEvent{Time: at}).Raw, &e); err != nil {
			t.Fatal(err)
		}
		return e.Data.Sequencer
	}
	now := time.Unix(1_800_000_000, 0)
	if a, b, c := sequencer(15, now), sequencer(16, now), sequencer(1, now.Add(1)); a >= b || b >= c {
		t.Errorf("not ascending: %s %s %s", a, b, c)
	}
}

func TestDecodeEvent(t *testing.T) {
	tests := []struct{ name, raw, says string }{
		{"complete", `{"specversion":"1.0","id":"1","source":"/s","type":"T","time":"2026-01-01T00:00:00+02:00","data":{"api":"PutBlob"}}`, ""},
		{"data is a text", `{"specversion":"1.0","id":"1","source":"/s","type":"T","data":"x"}`, ""},
		{"Event Grid schema", `{"topic":"/t","subject":"s","eventType":"T","id":"1","data":{}}`, "specversion"},
		{"no id, source, type", `{"specversion":"1.0"}`, "id is missing\nsource is missing\ntype is missing"},
		{"bad time", `{"specversion":"1.0","id":"1","source":"/s","type":"T","time":"yesterday"}`, "RFC 3339"},
		{"not JSON", `{`, "unexpected end"},
		{"too large", `{"id":"` + strings.Repeat("x", maxEvent) + `"}`, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeEvent([]byte(tt.raw))
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want it to say %q", err, tt.says)
			}
		})
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"T","subject":"a","data":{"api":"PutBlob"}}`))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"T","data":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := DecodeEvent(raw)
		if err != nil {
			return
		}
		if e.ID == "" || e.Source == "" || e.Type == "" || string(e.Raw) != string(raw) {
			t.Errorf("accepted %q as %+v", raw, e)
		}
		if _, err := (DeadLetter{Event: e}).JSON(); err != nil {
			t.Errorf("an accepted event cannot be dead-lettered: %v", err)
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add(typeBatch, []byte(`[{"specversion":"1.0","id":"1","source":"/s","type":"T"}]`))
	f.Add(typeSingle, []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"T"}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		events, err := decodeRequest(contentType, body)
		if err == nil && len(events) == 0 {
			t.Errorf("%q %q is no event and no error", contentType, body)
		}
	})
}

func TestStoreDeadLetters(t *testing.T) {
	dir := t.TempDir()
	store, err := dirblob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	d := DeadLetter{
		Subscription: "submit-etl", Event: blobCreated("a", "../../id", 1, BlobEvent{Container: "c", Blob: "b", Time: at}),
		Reason: ReasonTTL, Attempts: 9, Result: "busy", Published: at, LastAttempt: at.Add(time.Hour),
	}
	put := StoreDeadLetters(store)
	for range 2 { // the second finds it there
		if err := put(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(d.Place())))
	if err != nil || !strings.HasPrefix(d.Place(), "forecasts/deadletter/events/submit-etl/") {
		t.Fatalf("%s: %v", d.Place(), err)
	}
	var letters []struct {
		ID                  string
		Type                string
		DeadLetterReason    string
		DeliveryAttempts    int
		DeliveryResult      string
		PublishTime         time.Time
		DeliveryAttemptTime time.Time
	}
	if err := json.Unmarshal(b, &letters); err != nil || len(letters) != 1 {
		t.Fatalf("%s: %v", b, err)
	}
	l := letters[0]
	if l.ID != "../../id" || l.Type != event.BlobCreatedType || l.DeadLetterReason != ReasonTTL || l.DeliveryAttempts != 9 ||
		l.DeliveryResult != "busy" || !l.PublishTime.Equal(at) || !l.DeliveryAttemptTime.Equal(at.Add(time.Hour)) {
		t.Errorf("dead letter %s", b)
	}
}
