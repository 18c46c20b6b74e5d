package azfunc

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Delivery is one Service Bus message as it was delivered this time.
type Delivery struct {
	ID             string // the sender's message-id, by which the broker drops duplicates
	Count          int    // deliveries so far, this one included
	Body           []byte
	TraceParent    string // application property traceparent, W3C form
	RunID          string // application property run_id, 12 characters
	EnqueuedTime   time.Time
	SequenceNumber int64
	LockToken      string
	Subject        string
	CorrelationID  string
	ContentType    string
	Properties     map[string]any // all application properties
}

// The keys are those of the Service Bus extension 5.x; the batch form appends "Array".

func (e envelope) delivery() (Delivery, error) {
	var text string
	if err := json.Unmarshal(e.trigger(), &text); err != nil {
		return Delivery{}, fmt.Errorf("message: body is not a string: %w", err)
	}
	body, err := binary(text)
	if err != nil {
		return Delivery{}, fmt.Errorf("message: %w", err)
	}
	d := Delivery{Body: body}
	counted, err := e.meta("DeliveryCount", &d.Count)
	if err != nil {
		return Delivery{}, err
	}
	if !counted || d.Count < 1 {
		return Delivery{}, fmt.Errorf("metadata DeliveryCount is missing or %d; only the Service Bus trigger's envelope is understood", d.Count)
	}
	for key, v := range map[string]any{
		"MessageId": &d.ID, "SequenceNumber": &d.SequenceNumber, "LockToken": &d.LockToken,
		"Subject": &d.Subject, "CorrelationId": &d.CorrelationID, "ContentType": &d.ContentType,
	} {
		if _, err := e.meta(key, v); err != nil {
			return Delivery{}, err
		}
	}
	// Dates are encoded once: their own text, no inner quotes.
	if raw, ok := e.Metadata["EnqueuedTimeUtc"]; ok {
		if err := json.Unmarshal(raw, &text); err != nil {
			return Delivery{}, fmt.Errorf("metadata EnqueuedTimeUtc: %w", err)
		}
		if d.EnqueuedTime, err = parseTime(text); err != nil {
			return Delivery{}, fmt.Errorf("metadata EnqueuedTimeUtc: %w", err)
		}
	}
	if raw, ok := e.Metadata["ApplicationProperties"]; ok {
		if err := json.Unmarshal(raw, &d.Properties); err != nil {
			return Delivery{}, fmt.Errorf("metadata ApplicationProperties: %w", err)
		}
	}
	d.readProperties()
	return d, nil
}

func (d *Delivery) readProperties() {
	d.TraceParent, _ = d.Properties["traceparent"].(string)
	d.RunID, _ = d.Properties["run_id"].(string)
}

func (e envelope) deliveries() ([]Delivery, error) {
	var bodies []string
	if err := inner(e.trigger(), &bodies); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	if len(bodies) == 0 {
		return nil, errors.New("messages: an empty batch")
	}
	out := make([]Delivery, len(bodies))
	for i, text := range bodies {
		var err error
		if out[i].Body, err = binary(text); err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
	}
	// Collected rather than returned at the first, so that the log shows everything that a
	// new host version changed.
	errs := []error{
		column(e, "DeliveryCountArray", out, func(d *Delivery, v int) error { d.Count = v; return nil }),
		column(e, "MessageIdArray", out, func(d *Delivery, v string) error { d.ID = v; return nil }),
		column(e, "SequenceNumberArray", out, func(d *Delivery, v int64) error { d.SequenceNumber = v; return nil }),
		column(e, "LockTokenArray", out, func(d *Delivery, v string) error { d.LockToken = v; return nil }),
		column(e, "SubjectArray", out, func(d *Delivery, v string) error { d.Subject = v; return nil }),
		column(e, "CorrelationIdArray", out, func(d *Delivery, v string) error { d.CorrelationID = v; return nil }),
		column(e, "ContentTypeArray", out, func(d *Delivery, v string) error { d.ContentType = v; return nil }),
		column(e, "EnqueuedTimeUtcArray", out, func(d *Delivery, v string) (err error) {
			d.EnqueuedTime, err = parseTime(v)
			return err
		}),
		column(e, "ApplicationPropertiesArray", out, func(d *Delivery, v map[string]any) error {
			d.Properties = v
			return nil
		}),
	}
	for i := range out {
		out[i].readProperties()
		if out[i].Count < 1 {
			errs = append(errs, fmt.Errorf("messages[%d]: no delivery count in the metadata", i))
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// column spreads a metadata array over the batch. Nulls inside keep the zero value; an
// array of another length would give messages each other's identity and is refused.
func column[T any](e envelope, key string, batch []Delivery, set func(*Delivery, T) error) error {
	var values []*T
	there, err := e.meta(key, &values)
	if err != nil || !there {
		return err
	}
	if len(values) != len(batch) {
		return fmt.Errorf("metadata %s has %d entries for %d messages", key, len(values), len(batch))
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		if err := set(&batch[i], *v); err != nil {
			return fmt.Errorf("metadata %s[%d]: %w", key, i, err)
		}
	}
	return nil
}
