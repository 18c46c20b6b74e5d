package amqp

import (
	"bytes"
	"strings"
	"time"
)

// Positions of the fields of a message's properties section, AMQP 1.0 part 3, section
// 3.2.4.
const (
	PropertyMessageID = iota
	PropertyUserID
	PropertyTo
	PropertySubject
	PropertyReplyTo
	PropertyCorrelationID
	PropertyContentType
	PropertyContentEncoding
	PropertyAbsoluteExpiry
	PropertyCreationTime
	PropertyGroupID
	PropertyGroupSequence
	PropertyReplyToGroupID
	numProperties
)

// Property returns a field of the properties section by its position, nil if it is null,
// missing or malformed. Symbols come as strings.
func (m *Message) Property(position int) any {
	section := m.buf[m.properties:m.application]
	if len(section) == 0 {
		return nil
	}
	_, f, err := NewDecoder(section).Composite()
	if err != nil {
		return nil
	}
	for range position {
		f.Raw()
	}
	raw := f.Raw()
	if raw == nil || f.err != nil {
		return nil
	}
	return plain(raw)
}

// plain decodes a value; a symbol comes as a string, what is malformed as nil.
func plain(raw []byte) any {
	v, err := NewDecoder(raw).Value()
	if err != nil {
		return nil
	}
	if s, ok := v.(Symbol); ok {
		return string(s)
	}
	return v
}

// SessionID is the group-id, which may be empty; false if there is none.
func (m *Message) SessionID() (id string, ok bool) {
	id, ok = m.Property(PropertyGroupID).(string)
	return id, ok
}

// HasSession reports whether there is a group-id.
func (m *Message) HasSession() bool {
	_, ok := m.SessionID()
	return ok
}

// TTL is how long the sender wants the message to live; 0 is for ever.
func (m *Message) TTL() time.Duration { return time.Duration(m.ttl) * time.Millisecond }

// WithTTL returns a copy whose time to live is at most limit, which is above zero.
func (m *Message) WithTTL(limit time.Duration) *Message {
	ms := limit.Milliseconds()
	if ms >= 1<<32 || (m.ttl != 0 && int64(m.ttl) <= ms) {
		return m
	}
	c := *m
	c.ttl = uint32(max(ms, 1))
	return &c
}

// ScheduledAt is when the sender wants the message to appear; false if it did not say.
func (m *Message) ScheduledAt() (time.Time, bool) {
	if m.nAnnotations == 0 {
		return time.Time{}, false
	}
	raw := m.Annotation(annScheduled)
	if raw == nil {
		return time.Time{}, false
	}
	at, ok := plain(raw).(time.Time)
	return at, ok
}

// Value returns an application property decoded, and whether there is one of that name.
// Names differ in case.
func (m *Message) Value(key string) (any, bool) {
	if m.nApplication == 0 {
		return nil, false
	}
	raw := m.ApplicationProperty(key)
	if raw == nil {
		return nil, false
	}
	return plain(raw), true
}

// unpacked takes a message apart; the parts share its memory.
func (m *Message) unpacked() parts {
	return parts{
		delivery:    m.buf[:m.annotations],
		annotations: m.unpack(m.buf[m.annotations:m.properties], m.nAnnotations),
		properties:  m.buf[m.properties:m.application],
		application: m.unpack(m.buf[m.application:m.body], m.nApplication),
		body:        m.buf[m.body:], // with the footer
	}
}

// WithAnnotation returns a copy with a message annotation set or replaced.
func (m *Message) WithAnnotation(a Pair) *Message {
	p := m.unpacked()
	p.annotations = replace(p.annotations, a)
	c := *m
	c.pack(p)
	return &c
}

// KeyFold returns the name of the application property that differs from key at most in
// case, or key.
func (m *Message) KeyFold(key string) string {
	if m.nApplication == 0 {
		return key
	}
	pairs := m.unpack(m.buf[m.application:m.body], m.nApplication)
	if find(pairs, key) != nil {
		return key
	}
	for _, p := range pairs {
		if strings.EqualFold(p.Key, key) {
			return p.Key
		}
	}
	return key
}

// ValueFold is Value for names that do not differ in case.
func (m *Message) ValueFold(key string) (any, bool) { return m.Value(m.KeyFold(key)) }

// WithoutFold returns a copy that lacks an application property, whatever the case of its
// name.
func (m *Message) WithoutFold(key string) *Message {
	p := m.unpacked()
	kept := p.application[:0]
	for _, a := range p.application {
		if !strings.EqualFold(a.Key, key) {
			kept = append(kept, a)
		}
	}
	p.application = kept
	c := *m
	c.pack(p)
	return &c
}

// WithProperty returns a copy with a field of the properties section set to an encoded
// value. The id of a message does not change.
func (m *Message) WithProperty(position int, value []byte) *Message {
	p := m.unpacked()
	var f *Fields
	if len(p.properties) > 0 {
		var err error
		if _, f, err = NewDecoder(p.properties).Composite(); err != nil {
			return m
		}
	} else {
		f = &Fields{}
	}
	b, c := beginDescribed(nil, sectionProperties)
	for i := range numProperties {
		raw := f.Raw()
		if i == position {
			raw = value
		}
		b = appendRaw(b, raw)
	}
	p.properties = c.End(b, numProperties)
	n := *m
	n.pack(p)
	return &n
}

// AppendStored writes the message for ReadMessage to read again, without anything that a
// broker assigns.
func (m *Message) AppendStored(b []byte) []byte {
	b, c := beginDescribed(b, sectionHeader)
	b = AppendBool(b, m.durable)
	b = AppendUbyte(b, m.priority)
	b = c.End(AppendUint(b, m.ttl), 3)
	b = append(b, m.buf[:m.annotations]...)
	if m.nAnnotations > 0 {
		b = appendDescriptor(b, sectionMessageAnnotations)
		b, c = BeginMap(b)
		b = append(b, m.buf[m.annotations:m.properties]...)
		b = c.End(b, 2*int(m.nAnnotations))
	}
	return m.appendRest(b)
}

// appendRest writes what comes after the message annotations.
func (m *Message) appendRest(b []byte) []byte {
	b = append(b, m.buf[m.properties:m.application]...)
	if m.nApplication > 0 {
		var c Compound
		b = appendDescriptor(b, sectionApplication)
		b, c = BeginMap(b)
		b = append(b, m.buf[m.application:m.body]...)
		b = c.End(b, 2*int(m.nApplication))
	}
	return append(b, m.buf[m.body:]...)
}

// Equal reports whether two messages are the same but for what a broker assigns.
func (m *Message) Equal(o *Message) bool {
	return m.ID == o.ID && m.ttl == o.ttl && m.durable == o.durable && m.priority == o.priority &&
		m.annotations == o.annotations && m.properties == o.properties && m.application == o.application &&
		m.body == o.body && bytes.Equal(m.buf, o.buf)
}
