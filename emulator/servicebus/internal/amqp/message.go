package amqp

import (
	"math"
	"time"
)

// Descriptors of message sections, AMQP 1.0 part 3, section 3.2.
const (
	sectionHeader              = 0x70
	sectionDeliveryAnnotations = 0x71
	sectionMessageAnnotations  = 0x72
	sectionProperties          = 0x73
	sectionApplication         = 0x74
	sectionData                = 0x75
	sectionSequence            = 0x76
	sectionValue               = 0x77
	sectionFooter              = 0x78
)

// FormatBatch is the message format of a batch: each data section is a whole message.
const FormatBatch = 0x80013700

// Annotations that a broker assigns; a sender's are dropped.
const (
	annSequenceNumber = "x-opt-sequence-number"
	annEnqueuedTime   = "x-opt-enqueued-time"
	annLockedUntil    = "x-opt-locked-until"
	annEnqueuedSeq    = "x-opt-enqueue-sequence-number"
	annMessageState   = "x-opt-message-state"
	annLockToken      = "x-opt-lock-token"
	annScheduled      = "x-opt-scheduled-enqueue-time" // a sender's wish
)

// Message is a message at rest. It is immutable; With returns changed copies.
type Message struct {
	// ID is the message-id as the sender wrote it: text for strings, and for other types
	// their encoding, so that the number 1 and the text "1" differ.
	ID string

	durable  bool
	priority uint8
	ttl      uint32 // ms; 0 = none

	// buf holds, in this order: delivery annotations (section), the pairs of the message
	// annotations, properties (section), the pairs of the application properties, body
	// sections, footer. The offsets are where each of the last five begins.
	buf                                        []byte
	annotations, properties, application, body uint32
	nAnnotations, nApplication                 uint32 // number of pairs
}

// Size is about how much memory the message takes, in bytes.
func (m *Message) Size() int { return len(m.buf) + len(m.ID) + 128 }

// parts are the sections of a message being read or changed.
type parts struct {
	delivery, properties, body, footer []byte
	annotations, application           []Pair
}

// ReadMessage reads one message. The result shares no memory with raw. A message without
// an id gets the one that newID makes: clients cannot settle a message that has none.
func ReadMessage(raw []byte, newID func() string) (*Message, error) {
	m := &Message{priority: 4}
	var p parts
	var err error
	d := NewDecoder(raw)
	bodyAt := -1
	for d.Len() > 0 {
		rest := d.b
		section, err := d.descriptor()
		if err != nil {
			return nil, err
		}
		if bodyAt < 0 && (section == sectionData || section == sectionSequence || section == sectionValue) {
			bodyAt = len(raw) - len(rest)
		}
		switch section {
		case sectionHeader:
			err = m.readHeader(rest, d)
		case sectionMessageAnnotations:
			p.annotations, err = d.pairs()
		case sectionApplication:
			p.application, err = d.pairs()
		case sectionData, sectionSequence, sectionValue:
			_, err = d.Raw()
			p.body = raw[bodyAt : len(raw)-d.Len()]
		case sectionDeliveryAnnotations, sectionProperties, sectionFooter:
			_, err = d.Raw()
			span := rest[:len(rest)-d.Len()]
			switch section {
			case sectionDeliveryAnnotations:
				p.delivery = span
			case sectionProperties:
				p.properties = span
			default:
				p.footer = span
			}
		default:
			err = malformed("message section 0x%02x", section)
		}
		if err != nil {
			return nil, err
		}
	}
	if m.ID, p.properties, err = identify(p.properties, newID); err != nil {
		return nil, err
	}
	if len(raw) > math.MaxUint32/2 {
		return nil, malformed("message of %d bytes", len(raw))
	}
	m.pack(p)
	return m, nil
}

func (m *Message) readHeader(section []byte, d *Decoder) error {
	if _, err := d.Raw(); err != nil {
		return err
	}
	_, f, err := NewDecoder(section).Composite()
	if err != nil {
		return err
	}
	m.durable = next(f, false)
	m.priority = next[uint8](f, 4)
	m.ttl = next[uint32](f, 0)
	return f.Err()
}

// identify returns the id in a properties section and the section, which gets an id if it
// had none.
func identify(section []byte, newID func() string) (string, []byte, error) {
	var f *Fields
	if section == nil {
		f = &Fields{}
	} else {
		var err error
		if _, f, err = NewDecoder(section).Composite(); err != nil {
			return "", nil, err
		}
	}
	had := f.n
	raw := f.Raw()
	if f.err != nil {
		return "", nil, f.err
	}
	if raw != nil {
		v, err := NewDecoder(raw).Value()
		if err != nil {
			return "", nil, err
		}
		if s, ok := v.(string); !ok {
			return string(raw), section, nil
		} else if s != "" {
			return s, section, nil
		}
	}
	id := newID()
	b, c := beginDescribed(nil, sectionProperties)
	b = AppendString(b, id)
	b = append(b, f.d.b...)
	return id, c.End(b, max(had, 1)), nil
}

func assigned(key string) bool {
	switch key {
	case annSequenceNumber, annEnqueuedTime, annLockedUntil, annEnqueuedSeq, annMessageState:
		return true
	}
	return false
}

// pack lays the parts out in one buffer of exactly their size.
func (m *Message) pack(p parts) {
	n := len(p.delivery) + len(p.properties) + len(p.body) + len(p.footer)
	for _, q := range p.annotations {
		n += len(q.Key) + len(q.Value) + 5
	}
	for _, q := range p.application {
		n += len(q.Key) + len(q.Value) + 5
	}
	b := append(make([]byte, 0, n), p.delivery...)
	m.annotations, m.nAnnotations = uint32(len(b)), 0
	for _, q := range p.annotations {
		if !assigned(q.Key) {
			b = append(AppendSymbol(b, q.Key), q.Value...)
			m.nAnnotations++
		}
	}
	m.properties = uint32(len(b))
	b = append(b, p.properties...)
	m.application, m.nApplication = uint32(len(b)), uint32(len(p.application))
	for _, q := range p.application {
		b = append(AppendString(b, q.Key), q.Value...)
	}
	m.body = uint32(len(b))
	b = append(b, p.body...)
	b = append(b, p.footer...)
	m.buf = b
}

// Annotation returns an encoded message annotation, or nil.
func (m *Message) Annotation(key string) []byte {
	return find(m.unpack(m.buf[m.annotations:m.properties], m.nAnnotations), key)
}

// ApplicationProperty returns an encoded application property, or nil.
func (m *Message) ApplicationProperty(key string) []byte {
	return find(m.unpack(m.buf[m.application:m.body], m.nApplication), key)
}

func find(pairs []Pair, key string) []byte {
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// unpack reads pairs that pack wrote.
func (m *Message) unpack(b []byte, n uint32) []Pair {
	d := NewDecoder(b)
	pairs := make([]Pair, 0, n)
	for range n {
		k, err := d.Value()
		if err != nil {
			break
		}
		v, err := d.Raw()
		if err != nil {
			break
		}
		switch k := k.(type) {
		case string:
			pairs = append(pairs, Pair{k, v})
		case Symbol:
			pairs = append(pairs, Pair{string(k), v})
		}
	}
	return pairs
}

// With returns a copy with application properties set or replaced.
func (m *Message) With(pairs ...Pair) *Message {
	if len(pairs) == 0 {
		return m
	}
	p := m.unpacked()
	for _, q := range pairs {
		p.application = replace(p.application, q)
	}
	c := *m
	c.pack(p)
	return &c
}

// replace sets the value of a key, which is added if it is not there.
func replace(pairs []Pair, q Pair) []Pair {
	for i := range pairs {
		if pairs[i].Key == q.Key {
			pairs[i].Value = q.Value
			return pairs
		}
	}
	return append(pairs, q)
}

// Assigned is what a broker adds to a message when it delivers it.
type Assigned struct {
	DeliveryCount  uint32 // earlier deliveries
	SequenceNumber int64
	EnqueuedSeq    int64 // 0 = not written: it was sent to this queue
	EnqueuedAt     time.Time
	LockedUntil    time.Time // zero = not locked
	State          int32     // 0 active, 1 deferred, 2 scheduled
	LockToken      UUID
	WithToken      bool // the lock token is written among the delivery annotations
}

// Append writes the message as delivered.
func (m *Message) Append(b []byte, a Assigned) []byte {
	b, c := beginDescribed(b, sectionHeader)
	b = AppendBool(b, m.durable)
	b = AppendUbyte(b, m.priority)
	if m.ttl == 0 {
		b = AppendNull(b)
	} else {
		b = AppendUint(b, m.ttl)
	}
	b = AppendNull(b)
	b = c.End(AppendUint(b, a.DeliveryCount), 5)

	if a.WithToken {
		b = m.appendDelivery(b, a.LockToken)
	} else {
		b = append(b, m.buf[:m.annotations]...)
	}

	b = appendDescriptor(b, sectionMessageAnnotations)
	b, c = BeginMap(b)
	n := 2 + int(m.nAnnotations)
	b = AppendLong(AppendSymbol(b, annSequenceNumber), a.SequenceNumber)
	b = AppendTimestamp(AppendSymbol(b, annEnqueuedTime), a.EnqueuedAt)
	if a.EnqueuedSeq != 0 {
		b = AppendLong(AppendSymbol(b, annEnqueuedSeq), a.EnqueuedSeq)
		n++
	}
	if a.State != 0 || a.LockedUntil.IsZero() { // what is locked is active unless it is said
		b = AppendInt(AppendSymbol(b, annMessageState), a.State)
		n++
	}
	if !a.LockedUntil.IsZero() {
		b = AppendTimestamp(AppendSymbol(b, annLockedUntil), a.LockedUntil)
		n++
	}
	b = append(b, m.buf[m.annotations:m.properties]...)
	b = c.End(b, 2*n)

	return m.appendRest(b)
}

// appendDelivery writes the delivery annotations with the lock token, which is the broker's.
func (m *Message) appendDelivery(b []byte, token UUID) []byte {
	var own []Pair
	if d := NewDecoder(m.buf[:m.annotations]); m.annotations > 0 {
		if _, err := d.descriptor(); err == nil {
			own, _ = d.pairs() // annotations of the hop before, and no loss if they cannot be read
		}
	}
	b = appendDescriptor(b, sectionDeliveryAnnotations)
	b, c := BeginMap(b)
	n := 1
	b = AppendUUID(AppendSymbol(b, annLockToken), token)
	for _, p := range own {
		if p.Key != annLockToken {
			b = append(AppendSymbol(b, p.Key), p.Value...)
			n++
		}
	}
	return c.End(b, 2*n)
}

// ReadBatch calls each with every message inside a batch.
func ReadBatch(raw []byte, each func(message []byte) error) error {
	d := NewDecoder(raw)
	for d.Len() > 0 {
		section, err := d.descriptor()
		if err != nil {
			return err
		}
		if section != sectionData {
			if _, err := d.Raw(); err != nil {
				return err
			}
			continue
		}
		v, err := d.Value()
		if err != nil {
			return err
		}
		message, ok := v.([]byte)
		if !ok {
			return malformed("data section of type %T", v)
		}
		if err := each(message); err != nil {
			return err
		}
	}
	return nil
}
