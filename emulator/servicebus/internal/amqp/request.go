package amqp

import (
	"bytes"
	"strings"
)

// Request is a message sent to $cbs or $management.
type Request struct {
	ID         []byte // encoded message-id; nil = none
	ReplyTo    string
	Properties Map // application properties
	Value      any // of the amqp-value body
}

// ReadRequest reads a request.
func ReadRequest(raw []byte) (Request, error) {
	var r Request
	d := NewDecoder(raw)
	for d.Len() > 0 {
		rest := d.b
		section, err := d.descriptor()
		if err != nil {
			return r, err
		}
		if section != sectionValue && section != sectionApplication {
			if _, err := d.Raw(); err != nil {
				return r, err
			}
			if section == sectionProperties {
				err = r.readProperties(rest[:len(rest)-d.Len()])
			}
			if err != nil {
				return r, err
			}
			continue
		}
		v, err := d.Value()
		if err != nil {
			return r, err
		}
		if section == sectionValue {
			r.Value = v
		} else {
			r.Properties, _ = v.(Map)
		}
	}
	return r, nil
}

func (r *Request) readProperties(section []byte) error {
	_, f, err := NewDecoder(section).Composite()
	if err != nil {
		return err
	}
	r.ID = bytes.Clone(f.Raw())
	f.Raw() // user-id
	f.Raw() // to
	f.Raw() // subject
	r.ReplyTo = next(f, "")
	return f.Err()
}

// Response is the answer to a Request.
type Response struct {
	Code        int32
	Description string
	Condition   string                // of an error
	Body        func(b []byte) []byte // appends the value; nil = null
}

// Append writes the response to the request with the given id. Status code and description
// are written in both spellings that clients look for.
func (r Response) Append(b, correlation []byte) []byte {
	b, c := beginDescribed(b, sectionProperties)
	b = appendNulls(b, 5) // message-id, user-id, to, subject, reply-to
	b = c.End(appendRaw(b, correlation), 6)

	b = appendDescriptor(b, sectionApplication)
	b, c = BeginMap(b)
	n := 8
	b = AppendInt(AppendString(b, "status-code"), r.Code)
	b = AppendInt(AppendString(b, "statusCode"), r.Code)
	b = AppendString(AppendString(b, "status-description"), r.Description)
	b = AppendString(AppendString(b, "statusDescription"), r.Description)
	if r.Condition != "" {
		b = AppendSymbol(AppendString(b, "errorCondition"), r.Condition)
		n += 2
	}
	b = c.End(b, n)

	b = appendDescriptor(b, sectionValue)
	if r.Body == nil {
		return AppendNull(b)
	}
	return r.Body(b)
}

// Entity is the normal form of an entity's address: without scheme, host and leading
// slash, in lower case, as Service Bus compares them.
func Entity(address string) string {
	if i := strings.Index(address, "://"); i >= 0 {
		rest := address[i+3:]
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return ""
		}
		address = rest[slash:]
	}
	return strings.ToLower(strings.Trim(address, "/"))
}
