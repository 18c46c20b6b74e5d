package functionshost

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/functions"
)

// members collects a JSON object in the order in which the host writes it.
type members struct{ b strings.Builder }

func (m *members) add(key, value string) {
	if m.b.Len() > 0 {
		m.b.WriteByte(',')
	}
	m.b.WriteString(quoted(key) + ":" + value)
}

// twice adds a value that is not an object: a string around its JSON text.
func (m *members) twice(key, value string) { m.add(key, quoted(value)) }

func (m *members) optional(key string, s *string) {
	if s != nil {
		m.twice(key, quoted(*s))
	}
}

func (m *members) String() string { return "{" + m.b.String() + "}" }

// envelope closes a body: Data with its one binding, Metadata with sys at the end.
func envelope(f functions.Function, data string, meta *members, now time.Time) []byte {
	meta.add("sys", `{"MethodName":`+quoted(f.Name)+`,"UtcNow":"`+ticks(now)+`Z","RandGuid":"`+newGUID()+`"}`)
	return []byte(`{"Data":{` + quoted(f.Trigger.Binding) + ":" + data + `},"Metadata":` + meta.String() + "}")
}

// eventPayload wraps one event: embedded for a single function, as a string around an array
// with cardinality many.
func eventPayload(f functions.Function, raw json.RawMessage, now time.Time) ([]byte, error) {
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, fmt.Errorf("event is not a JSON object: %.80q", raw)
	}
	event, err := reserialised(raw)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	var parts struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(event), &parts); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	data := string(parts.Data)
	var meta members
	if f.Trigger.Many() {
		if data == "" {
			data = "null"
		}
		meta.twice("data", "["+data+"]")
		return envelope(f, quoted("["+event+"]"), &meta, now), nil
	}
	switch {
	case data == "" || data == "null":
	case data[0] == '{':
		meta.add("data", data)
	default:
		meta.twice("data", data)
	}
	return envelope(f, event, &meta, now), nil
}

// timerPayload has a status only for a monitored schedule of a minute or more.
func timerPayload(f functions.Function, status *scheduleStatus, pastDue bool, now time.Time) []byte {
	text := "null"
	if status != nil {
		text = `{"Last":"` + offset(status.last) + `","Next":"` + offset(status.next) + `","LastUpdated":"` + offset(status.last) + `"}`
	}
	data := fmt.Sprintf(`{"Schedule":{"AdjustForDST":true},"ScheduleStatus":%s,"IsPastDue":%t}`, text, pastDue)
	return envelope(f, data, &members{}, now)
}

// offset is a local time on a host in UTC.
func offset(t time.Time) string { return ticks(t) + "+00:00" }

// namespace is what the metadata tell about the Service Bus client.
type namespace struct{ host, identifier string }

func (n namespace) addTo(m *members) {
	m.add("MessageReceiver", "{}")
	m.add("MessageActions", "{}")
	m.add("ReceiveActions", "{}")
	m.add("Client", `{"FullyQualifiedNamespace":`+quoted(n.host)+`,"IsClosed":false,"TransportType":0,"Identifier":`+quoted(n.identifier)+`}`)
}

// never is DateTimeOffset.MaxValue: the expiry of a message without a time to live.
func never() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC) }

func expiry(m *azservicebus.ReceivedMessage) time.Time {
	if m.ExpiresAt == nil || m.ExpiresAt.Year() > 9998 {
		return never()
	}
	return *m.ExpiresAt
}

func enqueued(m *azservicebus.ReceivedMessage) time.Time {
	if m.EnqueuedTime == nil {
		return time.Time{}
	}
	return *m.EnqueuedTime
}

func sequence(m *azservicebus.ReceivedMessage) string {
	if m.SequenceNumber == nil {
		return "0"
	}
	return strconv.FormatInt(*m.SequenceNumber, 10)
}

// messagePayload is a single message with dataType binary: the exact bytes in base64, and
// therefore nothing of the body in the metadata.
func messagePayload(f functions.Function, msg *azservicebus.ReceivedMessage, ns namespace, now time.Time) []byte {
	var m members
	ns.addTo(&m)
	m.twice("DeliveryCount", strconv.FormatUint(uint64(msg.DeliveryCount), 10))
	m.optional("DeadLetterSource", msg.DeadLetterSource)
	m.twice("LockToken", text(msg.LockToken))
	m.add("ExpiresAtUtc", quoted(seconds(expiry(msg))))
	m.add("ExpiresAt", quoted(seconds(expiry(msg))+"+00:00"))
	m.add("EnqueuedTimeUtc", quoted(seconds(enqueued(msg))))
	m.add("EnqueuedTime", quoted(seconds(enqueued(msg))+"+00:00"))
	m.twice("MessageId", quoted(msg.MessageID))
	m.optional("ContentType", msg.ContentType)
	m.optional("ReplyTo", msg.ReplyTo)
	m.twice("SequenceNumber", sequence(msg))
	m.optional("To", msg.To)
	m.optional("Subject", msg.Subject)
	m.optional("Label", msg.Subject)
	m.optional("CorrelationId", msg.CorrelationID)
	m.add("ApplicationProperties", object(msg.ApplicationProperties))
	m.add("UserProperties", object(msg.ApplicationProperties))
	m.optional("SessionId", msg.SessionID)
	m.optional("ReplyToSessionId", msg.ReplyToSessionID)
	m.optional("PartitionKey", msg.PartitionKey)
	return envelope(f, text(msg.Body), &m, now)
}

// batchPayload is many messages: one array per property, each in a string.
func batchPayload(f functions.Function, batch []*azservicebus.ReceivedMessage, ns namespace, now time.Time) []byte {
	var m members
	ns.addTo(&m)
	array := func(value func(*azservicebus.ReceivedMessage) string) string {
		var b strings.Builder
		b.WriteByte('[')
		for n, msg := range batch {
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteString(value(msg))
		}
		b.WriteByte(']')
		return b.String()
	}
	add := func(key string, value func(*azservicebus.ReceivedMessage) string) { m.twice(key+"Array", array(value)) }
	optional := func(key string, value func(*azservicebus.ReceivedMessage) *string) {
		add(key, func(msg *azservicebus.ReceivedMessage) string {
			if s := value(msg); s != nil {
				return quoted(*s)
			}
			return "null"
		})
	}
	type message = azservicebus.ReceivedMessage
	add("MessageId", func(m *message) string { return quoted(m.MessageID) })
	add("DeliveryCount", func(m *message) string { return strconv.FormatUint(uint64(m.DeliveryCount), 10) })
	optional("DeadLetterSource", func(m *message) *string { return m.DeadLetterSource })
	add("LockToken", func(m *message) string { return text(m.LockToken) })
	add("ExpiresAtUtc", func(m *message) string { return quoted(ticks(expiry(m))) })
	add("ExpiresAt", func(m *message) string { return quoted(offset(expiry(m))) })
	add("EnqueuedTimeUtc", func(m *message) string { return quoted(ticks(enqueued(m))) })
	add("EnqueuedTime", func(m *message) string { return quoted(offset(enqueued(m))) })
	optional("ContentType", func(m *message) *string { return m.ContentType })
	optional("ReplyTo", func(m *message) *string { return m.ReplyTo })
	add("SequenceNumber", sequence)
	optional("To", func(m *message) *string { return m.To })
	optional("Subject", func(m *message) *string { return m.Subject })
	optional("Label", func(m *message) *string { return m.Subject })
	optional("CorrelationId", func(m *message) *string { return m.CorrelationID })
	add("ApplicationProperties", func(m *message) string { return object(m.ApplicationProperties) })
	add("UserProperties", func(m *message) string { return object(m.ApplicationProperties) })
	optional("SessionId", func(m *message) *string { return m.SessionID })
	optional("ReplyToSessionId", func(m *message) *string { return m.ReplyToSessionID })
	optional("PartitionKey", func(m *message) *string { return m.PartitionKey })
	optional("TransactionPartitionKey", func(m *message) *string { return m.PartitionKey }) // sic, as the extension fills it
	bodies := array(func(m *message) string { return `"` + base64.StdEncoding.EncodeToString(m.Body) + `"` })
	return envelope(f, quoted(bodies), &m, now)
}
