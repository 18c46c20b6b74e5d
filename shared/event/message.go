// Package event is the vocabulary of what moves between functions: Service Bus
// messages, Event Grid events and the verdict on a failed delivery. Every body is
// versioned and decoded strictly: an unknown version or field is a permanent error, never
// a guess.
package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
)

// Queues, one per function that a queue feeds; the function has the same name.
const (
	QueuePlanTraining = "plan-training"
	QueueTrainSKU     = "train-sku"
	QueueFinishRun    = "finish-run"
	QueuePublishRun   = "publish-run"
)

// Version of every message body that this code writes and reads.
const Version = 1

// Message is one Service Bus message to send. ID is its message-id, by which the
// broker drops duplicates; RunID (12 characters) and Function travel as application
// properties.
type Message struct {
	ID       string
	Body     []byte
	RunID    string
	Function string
	ReplayOf string // id of the dead letter that this sends again; empty normally
}

// RunMessage asks plan-training or publish-run to move one run on.
type RunMessage struct {
	V     int    `json:"v"`
	RunID string `json:"run_id"`
}

// TrainMessage is one unit of training: a contiguous row range of one sales file.
type TrainMessage struct {
	V           int    `json:"v"`
	RunID       string `json:"run_id"`
	Unit        string `json:"unit"`
	File        string `json:"file"`         // path in the manifest
	FirstRow    int64  `json:"first_row"`    // first row of the unit in File
	Rows        int64  `json:"rows"`         // number of rows
	FirstSeries int64  `json:"first_series"` // ordinal of its first series in the index
	NSeries     int64  `json:"n_series"`     // number of series

	// Champion are the units of the plan's champion run that hold these series; nil if
	// the run has no champion, or it knew none of them.
	Champion *UnitRange `json:"champion,omitempty"`
}

// UnitRange is a number of units that follow each other.
type UnitRange struct {
	First string `json:"first"` // name of the first unit
	Units int    `json:"units"`
}

// FinishMessage says that the summary of one unit is stored.
type FinishMessage struct {
	V     int    `json:"v"`
	RunID string `json:"run_id"`
	Unit  string `json:"unit"`
}

var (
	runIDForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	unitForm  = regexp.MustCompile(`^[0-9]{8}$`)
)

// DecodeRun reads a RunMessage.
func DecodeRun(body []byte) (RunMessage, error) {
	var m RunMessage
	if err := decode(body, &m); err != nil {
		return RunMessage{}, err
	}
	return m, check(m.V, m.RunID, nil)
}

// DecodeTrain reads a TrainMessage.
func DecodeTrain(body []byte) (TrainMessage, error) {
	var m TrainMessage
	if err := decode(body, &m); err != nil {
		return TrainMessage{}, err
	}
	if err := check(m.V, m.RunID, &m.Unit); err != nil {
		return TrainMessage{}, err
	}
	if m.File == "" || m.FirstRow < 0 || m.Rows <= 0 || m.FirstSeries < 0 || m.NSeries <= 0 {
		return TrainMessage{}, invalid("train-sku message of unit %s has no usable row range (file %q, first_row %d, rows %d, n_series %d)",
			m.Unit, m.File, m.FirstRow, m.Rows, m.NSeries)
	}
	if c := m.Champion; c != nil && (!unitForm.MatchString(c.First) || c.Units <= 0) {
		return TrainMessage{}, invalid("train-sku message of unit %s names champion units %.80q and %d; want 8 digits and a number", m.Unit, c.First, c.Units)
	}
	return m, nil
}

// DecodeFinish reads a FinishMessage.
func DecodeFinish(body []byte) (FinishMessage, error) {
	var m FinishMessage
	if err := decode(body, &m); err != nil {
		return FinishMessage{}, err
	}
	return m, check(m.V, m.RunID, &m.Unit)
}

// decode reads exactly one JSON object with only the fields of v.
func decode(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return Permanent(ReasonInvalidMessage, fmt.Errorf("message body: %w", err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return invalid("message body has text after its JSON object")
	}
	return nil
}

func check(v int, runID string, unit *string) error {
	switch {
	case v != Version:
		return invalid("message version %d; this build reads version %d", v, Version)
	case !runIDForm.MatchString(runID):
		return invalid("message run_id %.80q is not 64 hex digits", runID)
	case unit != nil && !unitForm.MatchString(*unit):
		return invalid("message unit %.80q is not 8 digits", *unit)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return Permanent(ReasonInvalidMessage, fmt.Errorf(format, args...))
}

// ReasonInvalidMessage is the reason of a body that no redelivery can make readable.
const ReasonInvalidMessage = "invalid_message"

// Encode writes a message body; the types above always encode.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("event: " + err.Error()) // unreachable: the message types hold only strings, integers and each other
	}
	return b
}
