package amqp

import "math"

// Descriptors of performatives, outcomes and sections, AMQP 1.0 parts 2, 3 and 5.
const (
	CodeOpen        = 0x10
	CodeBegin       = 0x11
	CodeAttach      = 0x12
	CodeFlow        = 0x13
	CodeTransfer    = 0x14
	CodeDisposition = 0x15
	CodeDetach      = 0x16
	CodeEnd         = 0x17
	CodeClose       = 0x18

	codeError  = 0x1d
	codeSource = 0x28
	codeTarget = 0x29

	CodeSASLMechanisms = 0x40
	CodeSASLInit       = 0x41
	CodeSASLOutcome    = 0x44
)

// Roles of a link end or of the sender of a disposition.
const (
	RoleSender   = false
	RoleReceiver = true
)

// Settle modes of AMQP 1.0 part 2, sections 2.8.2 and 2.8.3.
const (
	SenderUnsettled = 0
	SenderSettled   = 1
	SenderMixed     = 2
	ReceiverFirst   = 0
	ReceiverSecond  = 1
)

// Open begins a connection.
type Open struct {
	ContainerID  string
	Hostname     string
	MaxFrameSize uint32
	ChannelMax   uint16
	IdleTimeout  uint32 // ms; 0 = none
}

// Read fills the performative from its fields.
func (o *Open) Read(f *Fields) error {
	o.ContainerID = next(f, "")
	o.Hostname = next(f, "")
	o.MaxFrameSize = next[uint32](f, math.MaxUint32)
	o.ChannelMax = next[uint16](f, math.MaxUint16)
	o.IdleTimeout = next[uint32](f, 0)
	return f.Err()
}

// Append writes the performative. Every field is written, nulls included: some clients
// index the fields by position.
func (o *Open) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeOpen)
	b = AppendString(b, o.ContainerID)
	b = AppendNull(b) // hostname: the peer's field
	b = AppendUint(b, o.MaxFrameSize)
	b = AppendUshort(b, o.ChannelMax)
	b = AppendUint(b, o.IdleTimeout)
	return c.End(appendNulls(b, 5), 10)
}

func appendNulls(b []byte, n int) []byte {
	for range n {
		b = AppendNull(b)
	}
	return b
}

// Begin begins a session.
type Begin struct {
	RemoteChannel  *uint16
	NextOutgoingID uint32
	IncomingWindow uint32
	OutgoingWindow uint32
	HandleMax      uint32
}

// Read fills the performative from its fields.
func (p *Begin) Read(f *Fields) error {
	p.RemoteChannel = pointer[uint16](f)
	p.NextOutgoingID = next[uint32](f, 0)
	p.IncomingWindow = next[uint32](f, 0)
	p.OutgoingWindow = next[uint32](f, 0)
	p.HandleMax = next[uint32](f, math.MaxUint32)
	return f.Err()
}

// Append writes the performative.
func (p *Begin) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeBegin)
	if p.RemoteChannel == nil {
		b = AppendNull(b)
	} else {
		b = AppendUshort(b, *p.RemoteChannel)
	}
	b = AppendUint(b, p.NextOutgoingID)
	b = AppendUint(b, p.IncomingWindow)
	b = AppendUint(b, p.OutgoingWindow)
	b = AppendUint(b, p.HandleMax)
	return c.End(appendNulls(b, 3), 8)
}

// Attach attaches a link. Source and Target are kept as they came, to be echoed.
type Attach struct {
	Name                 string
	Handle               uint32
	Role                 bool
	SenderMode           uint8
	ReceiverMode         uint8
	Source, Target       []byte // encoded; nil = null
	InitialDeliveryCount uint32
	MaxMessageSize       uint64 // 0 = no limit
	Properties           []byte // encoded map; nil = null
}

// Read fills the performative from its fields.
func (p *Attach) Read(f *Fields) error {
	p.Name = next(f, "")
	p.Handle = next[uint32](f, 0)
	p.Role = next(f, false)
	p.SenderMode = next[uint8](f, SenderMixed)
	p.ReceiverMode = next[uint8](f, ReceiverFirst)
	p.Source = f.Raw()
	p.Target = f.Raw()
	f.Raw() // unsettled: links are never resumed
	f.Raw() // incomplete-unsettled
	p.InitialDeliveryCount = next[uint32](f, 0)
	p.MaxMessageSize = next[uint64](f, 0)
	f.Raw() // offered-capabilities
	f.Raw() // desired-capabilities
	p.Properties = f.Raw()
	return f.Err()
}

// Append writes the performative.
func (p *Attach) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeAttach)
	b = AppendString(b, p.Name)
	b = AppendUint(b, p.Handle)
	b = AppendBool(b, p.Role)
	b = AppendUbyte(b, p.SenderMode)
	b = AppendUbyte(b, p.ReceiverMode)
	b = appendRaw(b, p.Source)
	b = appendRaw(b, p.Target)
	b = appendNulls(b, 2)
	if !p.Role { // a sender
		b = AppendUint(b, p.InitialDeliveryCount)
	} else {
		b = AppendNull(b)
	}
	if p.MaxMessageSize == 0 {
		b = AppendNull(b)
	} else {
		b = AppendUlong(b, p.MaxMessageSize)
	}
	b = appendRaw(appendNulls(b, 2), p.Properties)
	return c.End(b, 14)
}

func appendRaw(b, raw []byte) []byte {
	if raw == nil {
		return AppendNull(b)
	}
	return append(b, raw...)
}

// Terminus is what a broker needs of a source or target.
type Terminus struct {
	Address string
	Filter  Map // of a source
}

// ReadTerminus reads the encoded source or target of an attach.
func ReadTerminus(raw []byte) (Terminus, error) {
	if raw == nil {
		return Terminus{}, nil
	}
	code, f, err := NewDecoder(raw).Composite()
	if err != nil {
		return Terminus{}, err
	}
	if code != codeSource && code != codeTarget {
		return Terminus{}, malformed("terminus of type 0x%02x", code)
	}
	t := Terminus{Address: next(f, "")}
	if code == codeSource {
		for range 6 { // durable, expiry-policy, timeout, dynamic, dynamic-node-properties, distribution-mode
			f.Raw()
		}
		t.Filter = next(f, Map(nil))
	}
	return t, f.Err()
}

// sourceFields is how many fields a source has, sourceFilter where its filter set is.
const (
	sourceFields = 11
	sourceFilter = 7
)

// WithFilter returns an encoded source with its filter set replaced by one filter. With a
// descriptor the value is described by it.
func WithFilter(source []byte, key string, descriptor any, value string) ([]byte, error) {
	_, f, err := NewDecoder(source).Composite()
	if err != nil {
		return nil, err
	}
	b, list := beginDescribed(nil, codeSource)
	for i := range sourceFields {
		raw := f.Raw()
		if i != sourceFilter {
			b = appendRaw(b, raw)
			continue
		}
		var m Compound
		b, m = BeginMap(b)
		b = AppendSymbol(b, key)
		if descriptor != nil {
			b = append(b, codeDescribed)
			if b, err = appendScalar(b, descriptor); err != nil {
				return nil, err
			}
		}
		b = m.End(AppendString(b, value), 2)
	}
	return list.End(b, sourceFields), f.Err()
}

// Flow updates windows and credit.
type Flow struct {
	NextIncomingID *uint32
	IncomingWindow uint32
	NextOutgoingID uint32
	OutgoingWindow uint32
	Handle         *uint32
	DeliveryCount  *uint32
	LinkCredit     *uint32
	Drain          bool
	Echo           bool
}

// Read fills the performative from its fields.
func (p *Flow) Read(f *Fields) error {
	p.NextIncomingID = pointer[uint32](f)
	p.IncomingWindow = next[uint32](f, 0)
	p.NextOutgoingID = next[uint32](f, 0)
	p.OutgoingWindow = next[uint32](f, 0)
	p.Handle = pointer[uint32](f)
	p.DeliveryCount = pointer[uint32](f)
	p.LinkCredit = pointer[uint32](f)
	f.Raw() // available: the sender's word
	p.Drain = next(f, false)
	p.Echo = next(f, false)
	return f.Err()
}

// Append writes the performative.
func (p *Flow) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeFlow)
	b = appendUintPointer(b, p.NextIncomingID)
	b = AppendUint(b, p.IncomingWindow)
	b = AppendUint(b, p.NextOutgoingID)
	b = AppendUint(b, p.OutgoingWindow)
	b = appendUintPointer(b, p.Handle)
	b = appendUintPointer(b, p.DeliveryCount)
	b = appendUintPointer(b, p.LinkCredit)
	b = AppendNull(b)
	b = AppendBool(b, p.Drain)
	b = AppendBool(b, p.Echo)
	return c.End(AppendNull(b), 11)
}

func appendUintPointer(b []byte, v *uint32) []byte {
	if v == nil {
		return AppendNull(b)
	}
	return AppendUint(b, *v)
}

// Transfer carries a message or a part of one; the payload follows it in the frame.
type Transfer struct {
	Handle        uint32
	DeliveryID    *uint32
	DeliveryTag   []byte
	MessageFormat uint32
	Settled       bool
	More          bool
	Aborted       bool
}

// Read fills the performative from its fields.
func (p *Transfer) Read(f *Fields) error {
	p.Handle = next[uint32](f, 0)
	p.DeliveryID = pointer[uint32](f)
	p.DeliveryTag = next(f, []byte(nil))
	p.MessageFormat = next[uint32](f, 0)
	p.Settled = next(f, false)
	p.More = next(f, false)
	f.Raw() // rcv-settle-mode: the link's stands
	f.Raw() // state: only for resumed deliveries
	f.Raw() // resume
	p.Aborted = next(f, false)
	return f.Err()
}

// Append writes the performative; later transfers of one delivery need only the handle.
func (p *Transfer) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeTransfer)
	b = AppendUint(b, p.Handle)
	b = appendUintPointer(b, p.DeliveryID)
	if p.DeliveryID != nil {
		b = AppendBinary(b, p.DeliveryTag)
		b = AppendUint(b, p.MessageFormat)
	} else {
		b = appendNulls(b, 2)
	}
	b = AppendBool(b, p.Settled)
	b = AppendBool(b, p.More)
	return c.End(appendNulls(b, 5), 11)
}

// Disposition tells the state of deliveries.
type Disposition struct {
	Role        bool
	First, Last uint32
	Settled     bool
	State       []byte // encoded; nil = null
}

// Read fills the performative from its fields.
func (p *Disposition) Read(f *Fields) error {
	p.Role = next(f, false)
	p.First = next[uint32](f, 0)
	p.Last = next(f, p.First)
	p.Settled = next(f, false)
	p.State = f.Raw()
	return f.Err()
}

// Append writes the performative.
func (p *Disposition) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeDisposition)
	b = AppendBool(b, p.Role)
	b = AppendUint(b, p.First)
	b = AppendUint(b, p.Last)
	b = AppendBool(b, p.Settled)
	b = appendRaw(b, p.State)
	return c.End(AppendNull(b), 6)
}

// Detach detaches a link; this broker always closes it.
type Detach struct {
	Handle uint32
	Error  *Error
}

// Read fills the performative from its fields.
func (p *Detach) Read(f *Fields) error {
	p.Handle = next[uint32](f, 0)
	f.Raw() // closed: links are never resumed
	var err error
	if p.Error, err = readError(f.Raw()); err != nil {
		return err
	}
	return f.Err()
}

// Append writes the performative.
func (p *Detach) Append(b []byte) []byte {
	b, c := beginDescribed(b, CodeDetach)
	b = AppendUint(b, p.Handle)
	b = AppendBool(b, true)
	return c.End(appendError(b, p.Error), 3)
}

// AppendEnd writes an end performative.
func AppendEnd(b []byte, e *Error) []byte { return appendFinal(b, CodeEnd, e) }

// AppendClose writes a close performative.
func AppendClose(b []byte, e *Error) []byte { return appendFinal(b, CodeClose, e) }

func appendFinal(b []byte, code uint64, e *Error) []byte {
	b, c := beginDescribed(b, code)
	return c.End(appendError(b, e), 1)
}

// AppendSASLMechanisms writes the server's offer.
func AppendSASLMechanisms(b []byte, names ...string) []byte {
	b, c := beginDescribed(b, CodeSASLMechanisms)
	b, a := begin(b, codeArray32)
	b = append(b, codeSym32)
	for _, n := range names {
		b = append(b, 0, 0, 0, byte(len(n)))
		b = append(b, n...)
	}
	return c.End(a.End(b, len(names)), 1)
}

// AppendSASLOutcome writes the end of a SASL exchange; 0 is success.
func AppendSASLOutcome(b []byte, code uint8) []byte {
	b, c := beginDescribed(b, CodeSASLOutcome)
	return c.End(AppendNull(AppendUbyte(b, code)), 2)
}
