package azfunc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// envelope is the body of every trigger request. Values are kept raw, because their form
// depends on the .NET value behind them: objects are embedded, everything else is a JSON
// string that holds the value's own JSON text once more.
type envelope struct {
	Data     map[string]json.RawMessage
	Metadata map[string]json.RawMessage
}

func decodeEnvelope(body []byte) (envelope, error) {
	var e envelope
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&e); err != nil {
		return envelope{}, fmt.Errorf("request body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return envelope{}, errors.New("request body: text after the JSON object")
	}
	if len(e.Data) != 1 {
		return envelope{}, fmt.Errorf("request body: Data has %d members; a trigger has one", len(e.Data))
	}
	return e, nil
}

// trigger returns the value of the one binding.
func (e envelope) trigger() json.RawMessage {
	for _, raw := range e.Data {
		return raw
	}
	return nil
}

// inner decodes a value that the host encoded twice into v.
func inner(raw json.RawMessage, v any) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("not a string around JSON text: %w", err)
	}
	return json.Unmarshal([]byte(text), v)
}

// meta decodes the double-encoded Metadata entry key into v and reports whether it is there.
func (e envelope) meta(key string, v any) (bool, error) {
	raw, ok := e.Metadata[key]
	if !ok {
		return false, nil
	}
	if err := inner(raw, v); err != nil {
		return false, fmt.Errorf("metadata %s: %w", key, err)
	}
	return true, nil
}

// parseTime reads the host's dates: with an offset, with Z, or without any zone (UTC), with
// or without a fraction.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", text)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("time %.40q is neither RFC 3339 nor without zone: %w", text, err)
	}
	return t.UTC(), nil
}

// events returns the events of a delivery: one embedded object, or with cardinality many
// a string that holds an array.
func (e envelope) events() ([]json.RawMessage, error) {
	raw := bytes.TrimSpace(e.trigger())
	if len(raw) > 0 && raw[0] == '{' {
		return []json.RawMessage{raw}, nil
	}
	var many []json.RawMessage
	if err := inner(raw, &many); err != nil {
		return nil, fmt.Errorf("event: neither an object nor a string around an array: %w", err)
	}
	return many, nil
}

// Timer is one tick of a schedule. The times are zero when the host does not monitor the
// schedule, and before its first tick.
type Timer struct {
	PastDue bool      // the tick should have come earlier: nothing was running then
	Last    time.Time // the tick before this one
	Next    time.Time // the tick that was expected when the status was written
}

func (e envelope) timer() (Timer, error) {
	var in struct {
		ScheduleStatus *struct{ Last, Next string }
		IsPastDue      bool
	}
	if err := json.Unmarshal(e.trigger(), &in); err != nil {
		return Timer{}, fmt.Errorf("timer: %w", err)
	}
	out := Timer{PastDue: in.IsPastDue}
	if s := in.ScheduleStatus; s != nil {
		var err error
		if out.Last, err = parseTime(s.Last); err != nil {
			return Timer{}, fmt.Errorf("timer: last: %w", err)
		}
		if out.Next, err = parseTime(s.Next); err != nil {
			return Timer{}, fmt.Errorf("timer: next: %w", err)
		}
	}
	return out, nil
}

// binary decodes a value of dataType binary. Anything else is refused: without that
// setting the host merges the body's own members over the metadata, and the message's id
// and delivery count can no longer be believed.
func binary(text string) ([]byte, error) {
	body, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf(`body is not base64; set "dataType": "binary" in function.json: %w`, err)
	}
	return body, nil
}
