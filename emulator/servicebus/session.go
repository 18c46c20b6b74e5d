package servicebus

import (
	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

const (
	incomingWindow = 5000 // transfers that a client may send before it hears of more
	handleMax      = 255  // links of a session less one
	// maxLinks bounds the links of a connection.
	maxLinks = 4096
	// maxUnsettled bounds the deliveries of a connection that wait for settlement. A client
	// that settles nothing gets no more once it has so many.
	maxUnsettled = 65536
)

// session is one session of a connection. The connection's mu guards it. Channel and
// handle numbers of the client serve for both directions.
type session struct {
	c       *conn
	channel uint16
	links   map[uint32]*link
	ended   bool

	nextIncoming uint32 // transfer id expected next
	sinceFlow    int    // transfers since the window was last renewed

	nextOutgoing   uint32 // id of the next transfer sent
	outgoingWindow int64  // transfers that the client still takes; below 0 by the tail of a long message
	nextDelivery   uint32
	unsettled      map[uint32]unsettled
}

// unsettled is a delivery that waits for settlement.
type unsettled struct {
	l     *link
	token amqp.UUID
}

// handle acts on one frame; done ends the connection in peace.
func (c *conn) handle(f amqp.Frame) (done bool, err error) {
	d := amqp.NewDecoder(f.Body)
	code, fields, err := d.Composite()
	if err != nil {
		return false, err
	}
	if f.Type != amqp.FrameAMQP {
		return false, notAllowed("frame of type %d after the handshake", f.Type)
	}
	switch code {
	case amqp.CodeOpen:
		return false, c.open(fields)
	case amqp.CodeClose:
		c.send(amqp.FrameAMQP, func(b []byte) []byte { return amqp.AppendClose(b, nil) })
		return true, nil
	}
	if code == amqp.CodeTransfer {
		c.srv.throttle()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waitForRoom()
	if code == amqp.CodeBegin {
		return false, c.begin(f.Channel, fields)
	}
	s := c.sessions[f.Channel]
	if s == nil {
		return false, notAllowed("performative 0x%02x on channel %d, which has no session", code, f.Channel)
	}
	switch code {
	case amqp.CodeAttach:
		return false, s.attach(fields)
	case amqp.CodeFlow:
		return false, s.flow(fields)
	case amqp.CodeTransfer:
		return false, s.transfer(fields, d.Rest())
	case amqp.CodeDisposition:
		return false, s.disposition(fields)
	case amqp.CodeDetach:
		return false, s.detach(fields)
	case amqp.CodeEnd:
		c.endSession(s)
		c.frame(s.channel, func(b []byte) []byte { return amqp.AppendEnd(b, nil) })
		return false, nil
	}
	return false, notAllowed("performative 0x%02x", code)
}

func (c *conn) begin(channel uint16, f *amqp.Fields) error {
	var p amqp.Begin
	if err := p.Read(f); err != nil {
		return err
	}
	if channel > channelMax || c.sessions[channel] != nil {
		return notAllowed("begin on channel %d, which is in use or above %d", channel, channelMax)
	}
	s := &session{
		c: c, channel: channel, links: map[uint32]*link{}, unsettled: map[uint32]unsettled{},
		nextIncoming: p.NextOutgoingID, outgoingWindow: int64(p.IncomingWindow),
	}
	c.sessions[channel] = s
	reply := amqp.Begin{
		RemoteChannel: &channel, IncomingWindow: incomingWindow,
		OutgoingWindow: incomingWindow, HandleMax: handleMax,
	}
	c.frame(channel, reply.Append)
	return nil
}

// endSession drops a session with its links. Locked messages stay locked until their locks
// expire, as in the service.
func (c *conn) endSession(s *session) {
	s.ended = true
	for _, l := range s.links {
		s.drop(l)
	}
	c.unsettled -= len(s.unsettled)
	clear(s.unsettled)
	delete(c.sessions, s.channel)
}

func (s *session) drop(l *link) {
	l.gone = true
	delete(s.links, l.handle)
	s.c.links--
	s.c.incoming -= len(l.in.buf)
	for _, r := range l.responses {
		s.c.owed -= len(r)
	}
	if l.kind == receiving {
		l.e.q.Forget(l)
	}
	if l.accept != nil {
		l.accept = nil
		s.c.accepting.Add(-1)
	}
	if l.session != nil {
		l.session.Close()
	}
}

// detachLink ends a link from the server's side.
func (s *session) detachLink(l *link, why *amqp.Error) {
	s.drop(l)
	s.forgetDeliveries(l)
	d := amqp.Detach{Handle: l.handle, Error: why}
	s.c.frame(s.channel, d.Append)
}

// forgetDeliveries drops what a link has not settled; it stays locked.
func (s *session) forgetDeliveries(l *link) {
	for id, u := range s.unsettled {
		if u.l == l {
			s.forget(id)
		}
	}
}

// remember notes a delivery that waits for settlement, forget that it does no longer.
func (s *session) remember(id uint32, u unsettled) {
	if _, again := s.unsettled[id]; !again { // the ids come round
		s.c.unsettled++
	}
	s.unsettled[id] = u
}

func (s *session) forget(id uint32) {
	delete(s.unsettled, id)
	s.c.unsettled--
}

func (s *session) detach(f *amqp.Fields) error {
	var p amqp.Detach
	if err := p.Read(f); err != nil {
		return err
	}
	l := s.links[p.Handle]
	if l == nil {
		return nil // the answer to a refusal
	}
	s.drop(l)
	s.forgetDeliveries(l)
	reply := amqp.Detach{Handle: p.Handle}
	s.c.frame(s.channel, reply.Append)
	return nil
}

func (s *session) flow(f *amqp.Fields) error {
	var p amqp.Flow
	if err := p.Read(f); err != nil {
		return err
	}
	s.nextIncoming = p.NextOutgoingID
	var theirs uint32 // begin's value, when they have not seen ours
	if p.NextIncomingID != nil {
		theirs = *p.NextIncomingID
	}
	blocked := s.outgoingWindow <= 0
	s.outgoingWindow = int64(p.IncomingWindow) - int64(int32(s.nextOutgoing-theirs))
	if blocked {
		s.wakeAll()
	}
	if p.Handle == nil {
		if p.Echo {
			s.sendFlow(nil)
		}
		return nil
	}
	l := s.links[*p.Handle]
	if l == nil {
		return nil // crossed with a detach
	}
	if !l.outgoing() {
		if p.Echo {
			s.sendFlow(l)
		}
		return nil
	}
	if p.LinkCredit != nil {
		var count uint32
		if p.DeliveryCount != nil {
			count = *p.DeliveryCount
		}
		l.credit = uint32(max(0, int32(count+*p.LinkCredit-l.deliveryCount)))
	}
	l.drain = p.Drain
	l.echo = p.Echo
	l.Wake()
	return nil
}

// wakeAll has the writer look after every link of the connection.
func (c *conn) wakeAll() {
	for _, s := range c.sessions {
		s.wakeAll()
	}
}

// wakeAll has the writer look after every link of the session.
func (s *session) wakeAll() {
	for _, l := range s.links {
		if l.outgoing() {
			l.Wake()
		}
	}
}

// forgetLost drops the deliveries whose locks are gone: a client need not settle them, and
// settling them gets the same answer without the entry.
func (c *conn) forgetLost() {
	for _, s := range c.sessions {
		for id, u := range s.unsettled {
			if !u.l.e.q.Holds(u.token) {
				s.forget(id)
			}
		}
	}
}

// sendFlow renews the session's window and, with a link, tells its credit.
func (s *session) sendFlow(l *link) {
	s.sinceFlow = 0
	next := s.nextIncoming
	p := amqp.Flow{
		NextIncomingID: &next, IncomingWindow: incomingWindow,
		NextOutgoingID: s.nextOutgoing, OutgoingWindow: incomingWindow,
	}
	if l != nil {
		p.Handle, p.DeliveryCount, p.LinkCredit, p.Drain = &l.handle, &l.deliveryCount, &l.credit, l.drain
	}
	s.c.frame(s.channel, p.Append)
}

// disposition settles what a client received.
func (s *session) disposition(f *amqp.Fields) error {
	var p amqp.Disposition
	if err := p.Read(f); err != nil {
		return err
	}
	if p.Role == amqp.RoleSender {
		return nil // confirms what was settled already
	}
	state := amqp.State{Code: amqp.StateReleased} // settled without an outcome
	if p.State != nil {
		var err error
		if state, err = amqp.ReadState(p.State); err != nil {
			return err
		}
	} else if !p.Settled {
		return nil
	}
	if state.Code == amqp.StateReceived {
		return nil // not an outcome
	}
	n := p.Last - p.First
	if n >= maxUnsettled {
		return notAllowed("disposition of %d deliveries", uint64(n)+1)
	}
	// Answer in runs of equal outcome: one frame for a whole range as a rule.
	run := amqp.Disposition{Role: amqp.RoleSender, First: p.First, Settled: true}
	var runErr *amqp.Error
	for i := uint32(0); i <= n; i++ {
		id := p.First + i
		err := s.settle(id, state)
		if i > 0 && (err != nil || runErr != nil) {
			s.confirm(run, state.Code, runErr, p.Settled)
			run.First = id
		}
		runErr, run.Last = err, id
	}
	s.confirm(run, state.Code, runErr, p.Settled)
	return nil
}

// confirm answers a settlement: with the same kind of outcome, or rejected with an error.
func (s *session) confirm(p amqp.Disposition, code uint64, e *amqp.Error, settled bool) {
	if settled {
		return
	}
	if e != nil {
		code = amqp.StateRejected
	}
	p.State = amqp.AppendState(nil, code, e)
	s.c.frame(s.channel, p.Append)
}

var errLockLost = &amqp.Error{Condition: conditionLockLost, Description: lockLostText}

// lockLostText is the service's, which callers look for.
const lockLostText = "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."

const conditionLockLost = "com.microsoft:message-lock-lost"

func (s *session) settle(id uint32, state amqp.State) *amqp.Error {
	u, ok := s.unsettled[id]
	if !ok {
		return errLockLost
	}
	s.forget(id)
	if s.c.unsettled == maxUnsettled-1 {
		s.c.wakeAll()
	}
	if settle(u.l.e.q, u.token, state) != nil {
		return errLockLost
	}
	return nil
}

// settle applies an outcome to a locked message.
func settle(q *queue.Queue, token amqp.UUID, state amqp.State) error {
	switch state.Code {
	case amqp.StateAccepted:
		return q.Complete(token)
	case amqp.StateRejected:
		return q.DeadLetterMessage(token, state.Pairs)
	case amqp.StateModified:
		if state.UndeliverableHere {
			return q.Defer(token, state.Pairs)
		}
		return q.Abandon(token, state.Pairs)
	}
	return q.Release(token)
}
