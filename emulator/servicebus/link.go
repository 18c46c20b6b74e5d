package servicebus

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// senderCredit is what a sender may send before it hears of more; the service's value.
const senderCredit = 1000

// maxRequest bounds a request to $cbs or $management, and its response, in bytes.
const maxRequest = 256 << 10

type linkKind uint8

const (
	sending    linkKind = iota // the client sends to a queue
	receiving                  // the client receives from a queue
	requesting                 // the client sends requests to $cbs or $management
	answering                  // the client receives the responses
)

// link is one link. The connection's mu guards it, except for pending.
type link struct {
	s       *session
	handle  uint32
	kind    linkKind
	node    string  // address of a requesting or answering link
	e       *entity // nil for $cbs
	replyTo string  // of an answering link
	settled bool    // receive-and-delete
	gone    bool

	credit        uint32
	deliveryCount uint32
	drain, echo   bool

	in incoming

	responses [][]byte // waiting for credit

	pending atomic.Bool // is in the connection's ready list
}

// incoming is a delivery being received.
type incoming struct {
	busy     bool
	id       uint32
	format   uint32
	settled  bool
	buf      []byte
	tooLarge bool
}

func (l *link) outgoing() bool { return l.kind == receiving || l.kind == answering }

// Wake implements queue.Waiter: it has the connection's writer look after the link. It
// takes no lock that is ever held while waiting.
func (l *link) Wake() {
	if l.pending.Swap(true) {
		return
	}
	c := l.s.c
	c.readyMu.Lock()
	c.ready = append(c.ready, l)
	c.readyMu.Unlock()
	c.signal()
}

func notAllowed(format string, args ...any) *amqp.Error {
	return &amqp.Error{Condition: "amqp:not-allowed", Description: fmt.Sprintf(format, args...)}
}

// unsupported refuses with a condition after which clients do not try again.
func unsupported(what string) *amqp.Error {
	return notAllowed("%s are not supported by this emulator", what)
}

func notFound(address string) *amqp.Error {
	return &amqp.Error{Condition: "amqp:not-found", Description: fmt.Sprintf("The messaging entity '%s' could not be found.", address)}
}

const (
	nodeCBS        = "$cbs"
	nodeManagement = "$management"
	filterSession  = "com.microsoft:session-filter"
)

func (s *session) attach(f *amqp.Fields) error {
	var p amqp.Attach
	if err := p.Read(f); err != nil {
		return err
	}
	if p.Handle > handleMax || s.links[p.Handle] != nil {
		return notAllowed("attach of handle %d, which is in use or above %d", p.Handle, handleMax)
	}
	source, err := amqp.ReadTerminus(p.Source)
	if err != nil {
		return err
	}
	target, err := amqp.ReadTerminus(p.Target)
	if err != nil {
		return err
	}
	l := &link{s: s, handle: p.Handle}
	reply := amqp.Attach{
		Name: p.Name, Handle: p.Handle, Role: !p.Role, SenderMode: p.SenderMode, ReceiverMode: p.ReceiverMode,
		Source: p.Source, Target: p.Target,
	}
	if refusal := l.open(p, source, target); refusal != nil {
		if p.Role == amqp.RoleReceiver {
			reply.Source = nil
		} else {
			reply.Target = nil
		}
		s.c.frame(s.channel, reply.Append)
		d := amqp.Detach{Handle: p.Handle, Error: refusal}
		s.c.frame(s.channel, d.Append)
		return nil
	}
	s.links[p.Handle] = l
	if l.outgoing() {
		s.c.frame(s.channel, reply.Append)
		return nil
	}
	reply.MaxMessageSize = uint64(l.maxMessage())
	s.c.frame(s.channel, reply.Append)
	l.deliveryCount = p.InitialDeliveryCount
	l.credit = senderCredit
	s.sendFlow(l)
	return nil
}

// open says what the link is for, or why it is refused.
func (l *link) open(p amqp.Attach, source, target amqp.Terminus) *amqp.Error {
	address := target.Address
	l.kind = sending
	if p.Role == amqp.RoleReceiver {
		address, l.kind = source.Address, receiving
	}
	node := amqp.Entity(address)
	name, management := strings.CutSuffix(node, "/"+nodeManagement)
	if management || node == nodeCBS {
		l.node = node
		if l.kind == sending {
			l.kind = requesting
		} else {
			l.kind, l.replyTo, l.settled = answering, target.Address, true
		}
		if node == nodeCBS {
			return nil
		}
	}
	if l.e = l.s.c.srv.lookup(name); l.e == nil {
		return notFound(address)
	}
	if l.kind == sending && l.e.deadLetter {
		return notAllowed("messages cannot be sent to %s; send to its queue", l.e.name)
	}
	if l.kind == receiving {
		for _, e := range source.Filter {
			if k, _ := e.Key.(amqp.Symbol); k == filterSession {
				return unsupported("sessions")
			}
		}
		l.settled = p.SenderMode == amqp.SenderSettled
	}
	return nil
}

func (l *link) maxMessage() int {
	if l.kind == requesting {
		return maxRequest
	}
	return l.e.maxMessage
}

// transfer receives a message or a part of one.
func (s *session) transfer(f *amqp.Fields, payload []byte) error {
	var p amqp.Transfer
	if err := p.Read(f); err != nil {
		return err
	}
	s.nextIncoming++
	if s.sinceFlow++; s.sinceFlow >= incomingWindow/2 {
		s.sendFlow(nil)
	}
	l := s.links[p.Handle]
	if l == nil {
		return nil // crossed with a detach
	}
	if l.outgoing() {
		return notAllowed("transfer on handle %d, on which the server sends", p.Handle)
	}
	in := &l.in
	if !in.busy {
		if p.DeliveryID == nil {
			return notAllowed("transfer without a delivery-id begins a delivery")
		}
		if l.credit == 0 {
			return notAllowed("transfer without credit")
		}
		*in = incoming{busy: true, id: *p.DeliveryID, format: p.MessageFormat, buf: in.buf[:0]}
		l.credit--
		l.deliveryCount++
	}
	in.settled = in.settled || p.Settled
	if p.Aborted {
		in.busy = false
		return nil
	}
	if !in.tooLarge && len(in.buf)+len(payload) > l.maxMessage() {
		in.tooLarge = true
	}
	if in.tooLarge {
		payload = nil
	}
	if p.More {
		in.buf = append(in.buf, payload...)
		return nil
	}
	if len(in.buf) > 0 {
		in.buf = append(in.buf, payload...)
		payload = in.buf
	}
	l.received(payload)
	in.busy = false
	if cap(in.buf) > maxFrameSize {
		in.buf = nil // links outlive their large messages
	}
	if l.credit <= senderCredit/2 {
		l.credit = senderCredit
		s.sendFlow(l)
	}
	return nil
}

// received acts on a whole delivery and answers it.
func (l *link) received(payload []byte) {
	var refusal *amqp.Error
	switch {
	case l.in.tooLarge:
		refusal = &amqp.Error{
			Condition:   "amqp:link:message-size-exceeded",
			Description: fmt.Sprintf("the message is larger than the %d bytes that the entity takes", l.maxMessage()),
		}
	case l.kind == requesting:
		refusal = l.request(payload)
	default:
		refusal = l.enqueue(payload)
	}
	if l.in.settled {
		return
	}
	code := uint64(amqp.StateAccepted)
	if refusal != nil {
		code = amqp.StateRejected
	}
	p := amqp.Disposition{
		Role: amqp.RoleReceiver, First: l.in.id, Last: l.in.id, Settled: true,
		State: amqp.AppendState(nil, code, refusal),
	}
	l.s.c.frame(l.s.channel, p.Append)
}

// enqueue stores a message, or all messages of a batch, or none.
func (l *link) enqueue(payload []byte) *amqp.Error {
	var messages []*amqp.Message
	read := func(raw []byte) error {
		m, err := amqp.ReadMessage(raw, newMessageID)
		if err == nil {
			messages = append(messages, m)
		}
		return err
	}
	var err error
	if l.in.format == amqp.FormatBatch {
		err = amqp.ReadBatch(payload, read)
	} else {
		err = read(payload)
	}
	if err != nil {
		return &amqp.Error{Condition: "amqp:decode-error", Description: err.Error()}
	}
	now := l.s.c.srv.now()
	for _, m := range messages {
		if m.ScheduledAfter(now) {
			return unsupported("scheduled messages")
		}
	}
	switch err := l.e.q.Send(messages); {
	case errors.Is(err, queue.ErrFull):
		return &amqp.Error{Condition: "amqp:resource-limit-exceeded", Description: "the queue " + l.e.name + " is full; receive from it or raise its size"}
	case err != nil:
		return &amqp.Error{Condition: "amqp:internal-error", Description: err.Error()}
	}
	return nil
}
