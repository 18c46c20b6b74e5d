// Package run is what identifies a run and where its data lies: options, identities,
// places, records, units, the digest, and the pure reconcile. Nothing here reads a clock or
// a blob.
package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/skucast/skucast/shared/event"
)

// Drop names one version of one file of a feed.
type Drop struct {
	Container string `json:"container"`
	Blob      string `json:"blob"` // inside the container
	ETag      string `json:"etag"` // without quotes
}

// Key names the drop's record: sha256 over its three parts.
func (d Drop) Key() string { return hash(d.Container, d.Blob, d.ETag) }

// ReasonDrop is the reason of the run that a drop starts.
const ReasonDrop = "drop"

// ReasonSchedule is the reason of a retraining that fell due on a date.
func ReasonSchedule(date string) string { return "schedule:" + date }

// ReasonReplay is the reason of the n-th run of a drop, done again on purpose.
func ReasonReplay(n int) string { return "replay:" + strconv.Itoa(n) }

// ETLID identifies one ETL of a drop, and is the idempotency token of its Databricks
// run. attempt counts failed ETLs of that drop that were replayed.
func ETLID(d Drop, o ETLOptions, attempt int) string {
	return hash(d.Container, d.Blob, d.ETag, hash(string(Canonical(o))), strconv.Itoa(attempt))
}

// ID identifies a run of an ETL.
func ID(etlID string, o RunOptions, reason string) string {
	return hash(etlID, hash(string(Canonical(o))), reason)
}

// ContentKey identifies what a run computes, whatever its file is called.
func ContentKey(fileSHA256 string, o Options, version string) string {
	o.Retrain = ""
	return hash(fileSHA256, hash(string(Canonical(o))), version)
}

// Short is the form of an id that people see.
func Short(id string) string { return id[:min(12, len(id))] }

// UnitName is the 8-digit ordinal of a unit.
func UnitName(i int) string { return fmt.Sprintf("%08d", i) }

// UnitOrdinal is the inverse of UnitName.
func UnitOrdinal(name string) (int, error) {
	n, err := strconv.Atoi(name)
	if err != nil || len(name) != 8 || n < 0 {
		return 0, fmt.Errorf("unit %.20q is not 8 digits", name)
	}
	return n, nil
}

// MessageID names a message of a run; attempt 0 is the first send, later ones are
// resends by reconcile, which the broker must not take for duplicates.
func MessageID(runID, what string, attempt int) string {
	id := runID[:min(32, len(runID))] + "/" + what
	if attempt > 0 {
		id += "~" + strconv.Itoa(attempt)
	}
	return id
}

// Message builds a message of a run to queue's function.
func Message(queue, runID, what string, attempt int, body any) event.Message {
	return event.Message{
		ID: MessageID(runID, what, attempt), Body: event.Encode(body), RunID: Short(runID), Function: queue,
	}
}

// hash is the hex sha256 over the parts, separated by zero bytes.
func hash(parts ...string) string {
	h := sha256.New()
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Canonical encodes a record: keys sorted, no spaces, shortest decimals, no escaping of
// <, > and &.
func Canonical(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic("run: " + err.Error()) // unreachable: records hold only encodable fields
	}
	return b
}

func marshal(v any) ([]byte, error) {
	first, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return canonicalise(first)
}
