package servicebus

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

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

	session *queue.Session // that the link has locked; nil = none
	accept  *acceptance    // waits for a session

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

func notFound(address string) *amqp.Error {
	return &amqp.Error{Condition: "amqp:not-found", Description: fmt.Sprintf("The messaging entity '%s' could not be found.", address)}
}

// maxAttach bounds what an attach says, in bytes.
const maxAttach = 4096

const conditionLimit = "amqp:resource-limit-exceeded"

const (
	nodeCBS        = "$cbs"
	nodeManagement = "$management"
)

func (s *session) attach(f *amqp.Fields) error {
	var p amqp.Attach
	if err := p.Read(f); err != nil {
		return err
	}
	if p.Handle > handleMax || s.links[p.Handle] != nil {
		return notAllowed("attach of handle %d, which is in use or above %d", p.Handle, handleMax)
	}
	if s.c.links >= maxLinks {
		return &amqp.Error{Condition: conditionLimit, Description: fmt.Sprintf("more than %d links on one connection", maxLinks)}
	}
	if len(p.Source)+len(p.Target)+len(p.Name) > maxAttach {
		return &amqp.Error{Condition: "amqp:invalid-field", Description: fmt.Sprintf("name, source and target of more than %d bytes", maxAttach)}
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
		Source: bytes.Clone(p.Source), Target: bytes.Clone(p.Target),
	}
	refusal := l.open(p, source, target)
	if refusal == nil && l.kind == receiving {
		if refusal = l.openSession(p, source, &reply); refusal == nil && l.accept != nil {
			s.enter(l)
			return nil // answered when a session is found, or none is
		}
	}
	if refusal != nil {
		s.refuse(reply, refusal)
		return nil
	}
	s.enter(l)
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

func (s *session) enter(l *link) {
	s.links[l.handle] = l
	s.c.links++
}

// refuse answers an attach: a terminus that is null says that there is no link, the detach
// why.
func (s *session) refuse(reply amqp.Attach, why *amqp.Error) {
	if reply.Role == amqp.RoleSender {
		reply.Source = nil
	} else {
		reply.Target = nil
	}
	s.c.frame(s.channel, reply.Append)
	d := amqp.Detach{Handle: reply.Handle, Error: why}
	s.c.frame(s.channel, d.Append)
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
			l.kind, l.settled = answering, true
			// A client that gives its link no address names the link instead, as the one for JavaScript.
			l.replyTo = cmp.Or(target.Address, p.Name)
		}
		if node == nodeCBS {
			return nil
		}
	}
	if refusal := l.s.c.authorized(node, l.kind); refusal != nil {
		return refusal
	}
	if l.e = l.s.c.srv.resolve(name); l.e == nil {
		return notFound(address)
	}
	switch {
	case l.kind == sending && l.e.kind != isQueue && l.e.kind != isTopic:
		return notAllowed("messages cannot be sent to %s; send to its queue or topic", l.e.name)
	case l.kind == receiving && l.e.kind == isTopic:
		return notAllowed("messages cannot be received from the topic %s; receive from a subscription", l.e.name)
	case l.kind == receiving:
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
		s.c.incoming -= len(in.buf)
		in.busy, in.buf = false, in.buf[:0]
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
		if s.c.incoming += len(payload); s.c.incoming > maxIncoming+l.maxMessage() {
			return &amqp.Error{Condition: conditionLimit, Description: "too many messages are sent in parts at a time"}
		}
		return nil
	}
	s.c.incoming -= len(in.buf)
	if len(in.buf) > 0 {
		in.buf = append(in.buf, payload...)
		payload = in.buf
	}
	l.received(payload)
	in.busy, in.buf = false, in.buf[:0]
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
		m, err := readMessage(raw)
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
	switch {
	case errors.Is(err, errIDTooLong):
		return &amqp.Error{Condition: conditionArgument, Description: err.Error()}
	case err != nil:
		return &amqp.Error{Condition: "amqp:decode-error", Description: err.Error()}
	}
	if _, err := l.e.q.Send(messages); err != nil {
		return sendError(err)
	}
	return nil
}

const conditionArgument = "com.microsoft:argument-error"

// maxID is how many characters the ids of messages and sessions may have.
const maxID = 128

var errIDTooLong = fmt.Errorf("message and session ids have at most %d characters", maxID)

// readMessage reads a message that a client sends.
func readMessage(raw []byte) (*amqp.Message, error) {
	m, err := amqp.ReadMessage(raw, newMessageID)
	if err != nil {
		return nil, err
	}
	session, _ := m.SessionID()
	if utf8.RuneCountInString(m.ID) > maxID || utf8.RuneCountInString(session) > maxID {
		return nil, errIDTooLong
	}
	return m, nil
}

// sendError is how a queue's refusal of messages looks to the client.
func sendError(err error) *amqp.Error {
	switch {
	case errors.Is(err, queue.ErrFull):
		return &amqp.Error{Condition: conditionLimit, Description: err.Error() + "; receive from it or raise its size"}
	case errors.Is(err, queue.ErrNoSessionID):
		return &amqp.Error{Condition: "amqp:not-allowed", Description: err.Error()}
	}
	return &amqp.Error{Condition: "amqp:internal-error", Description: err.Error()}
}
