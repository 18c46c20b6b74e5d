package servicebus

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// takeAtOnce bounds the messages fetched from a queue in one go.
const takeAtOnce = 64

// pump serves the links that were woken, until there is nothing for them or enough to
// write; mu is held.
func (c *conn) pump() {
	c.readyMu.Lock()
	ready := c.ready
	c.ready = nil
	c.readyMu.Unlock()
	for i, l := range ready {
		if len(c.out) > outSoft {
			// Not now: the writer comes back once this much is written.
			c.readyMu.Lock()
			c.ready = append(c.ready, ready[i:]...)
			c.readyMu.Unlock()
			c.signal()
			return
		}
		l.pending.Store(false)
		if l.gone {
			continue
		}
		switch {
		case l.kind == answering:
			l.respond()
		case l.accept != nil:
			l.tryAccept()
			continue
		default:
			l.deliver()
		}
		if l.gone {
			continue
		}
		if l.credit > 0 && l.drain && !l.pending.Load() {
			l.deliveryCount += l.credit
			l.credit = 0
			l.s.sendFlow(l)
		} else if l.echo || (l.drain && l.credit == 0) {
			l.s.sendFlow(l)
		}
		l.echo = false
		if l.credit == 0 {
			l.drain = false
		}
	}
}

// deliver sends messages as far as credit, windows and room go.
func (l *link) deliver() {
	s, c := l.s, l.s.c
	if l.session != nil && l.session.Lost() {
		s.detachLink(l, errSessionLost)
		return
	}
	var buf [takeAtOnce]queue.Delivery
	for l.credit > 0 && s.outgoingWindow > 0 {
		if c.unsettled >= maxUnsettled && !l.settled {
			l.e.q.Await(l) // locks that expire make room
			if c.forgetLost(); c.unsettled >= maxUnsettled {
				return
			}
		}
		room := outSoft - len(c.out)
		if room <= 0 {
			l.Wake()
			return
		}
		want := int(min(takeAtOnce, int64(l.credit), s.outgoingWindow, int64(max(1, maxUnsettled-c.unsettled))))
		var got []queue.Delivery
		if l.session != nil {
			got = l.session.Take(buf[:0], want, room, !l.settled)
		} else {
			got = l.e.q.Take(buf[:0], want, room, !l.settled, l)
		}
		for _, d := range got {
			tag := tokenTag(d.LockToken)
			d.WithToken = !l.settled
			id := s.send(l, tag[:], l.settled, func(b []byte) []byte { return d.Message.Append(b, d.Assigned) })
			if !l.settled {
				s.remember(id, unsettled{l: l, token: d.LockToken})
			}
		}
		if len(got) == 0 {
			return // the queue wakes the link
		}
	}
}

// tokenTag is the delivery tag of a lock token: the same UUID in the byte order of a .NET
// Guid, which is what clients undo.
func tokenTag(u amqp.UUID) [16]byte {
	return [16]byte{u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]}
}

// transferOverhead is an upper bound of a transfer frame's bytes besides its payload.
const transferOverhead = 128

// send sends a delivery, in several frames if the peer's are too small, and returns its
// id.
func (s *session) send(l *link, tag []byte, settled bool, message func([]byte) []byte) uint32 {
	c := s.c
	id := s.nextDelivery
	s.nextDelivery++
	l.credit--
	l.deliveryCount++
	p := amqp.Transfer{Handle: l.handle, DeliveryID: &id, DeliveryTag: tag, Settled: settled}

	// The message is written in place; if it turns out too long it is cut up.
	b, at := amqp.BeginFrame(c.out, amqp.FrameAMQP, s.channel)
	b = p.Append(b)
	body := len(b)
	b = message(b)
	if len(b)-at <= c.peerMax {
		c.out = amqp.EndFrame(b, at)
		s.nextOutgoing++
		s.outgoingWindow--
		c.signal()
		return id
	}
	payload := append([]byte(nil), b[body:]...)
	c.out = b[:at]
	for len(payload) > 0 {
		n := min(len(payload), c.peerMax-transferOverhead)
		p.More = n < len(payload)
		part := payload[:n]
		payload = payload[n:]
		c.frame(s.channel, func(b []byte) []byte { return append(p.Append(b), part...) })
		p.DeliveryID = nil
		s.nextOutgoing++
		s.outgoingWindow--
	}
	return id
}

// newMessageID makes an id for a message that was sent without one.
func newMessageID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
