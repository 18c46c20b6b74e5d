package servicebus

import (
	"bytes"
	"errors"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

const (
	filterSession       = "com.microsoft:session-filter"
	propertyTimeout     = "com.microsoft:timeout"
	propertyLockedUntil = "com.microsoft:locked-until-utc"
	// acceptTimeout is how long a client that does not say waits for a session.
	acceptTimeout = time.Minute
)

var errSessionLost = &amqp.Error{Condition: conditionSessionLost, Description: queue.ErrSessionLost.Error()}

const conditionSessionLost = "com.microsoft:session-lock-lost"

// acceptance is a link's wait for the next session that has messages.
type acceptance struct {
	reply      amqp.Attach
	descriptor any // of the filter, as the client wrote it; nil = none
	until      time.Time
}

// openSession locks the session that a receiver asks for, and completes the reply; or
// begins to wait for one.
func (l *link) openSession(p amqp.Attach, source amqp.Terminus, reply *amqp.Attach) *amqp.Error {
	want, descriptor, asked := sessionFilter(source.Filter)
	switch {
	case !asked && !l.e.q.Sessions():
		return nil
	case !asked:
		return notAllowed("It is not possible for an entity that requires sessions to create a non-sessionful message receiver. Entity: %s", l.e.name)
	case !l.e.q.Sessions():
		return notAllowed("A sessionful message receiver cannot be created on an entity that does not require sessions. Entity: %s", l.e.name)
	}
	switch id := want.(type) {
	case string:
		session, err := l.e.q.Accept(id, l)
		if err != nil {
			return &amqp.Error{Condition: "com.microsoft:session-cannot-be-locked", Description: err.Error()}
		}
		return l.accepted(session, reply, descriptor)
	case nil:
	default:
		return notAllowed("a session filter of type %T; a string or null is", want)
	}
	if session := l.e.q.AcceptNext(l); session != nil {
		return l.accepted(session, reply, descriptor)
	}
	l.accept = &acceptance{reply: *reply, descriptor: descriptor, until: l.s.c.srv.now().Add(timeout(p.Properties))}
	l.s.c.accepting.Add(1)
	return nil
}

// sessionFilter finds the filter of sessions, which some clients describe and some do not.
func sessionFilter(filters amqp.Map) (want, descriptor any, asked bool) {
	for _, e := range filters {
		if k, _ := e.Key.(amqp.Symbol); k != filterSession {
			continue
		}
		if d, ok := e.Value.(amqp.Described); ok {
			return d.Value, d.Descriptor, true
		}
		return e.Value, nil, true
	}
	return nil, nil, false
}

// timeout is how long the client wants to wait, in ms in the link's properties.
func timeout(properties []byte) time.Duration {
	if properties == nil {
		return acceptTimeout
	}
	v, _ := amqp.NewDecoder(properties).Value()
	m, _ := v.(amqp.Map)
	switch ms := m.Get(propertyTimeout).(type) {
	case uint32:
		return time.Duration(ms) * time.Millisecond
	case int32:
		return time.Duration(max(ms, 0)) * time.Millisecond
	case uint64:
		return time.Duration(min(ms, 1<<32)) * time.Millisecond
	case int64:
		return time.Duration(min(max(ms, 0), 1<<32)) * time.Millisecond
	}
	return acceptTimeout
}

// accepted completes the answer to an attach with the session that was locked.
func (l *link) accepted(session *queue.Session, reply *amqp.Attach, descriptor any) *amqp.Error {
	source, err := amqp.WithFilter(reply.Source, filterSession, descriptor, session.ID())
	if err != nil {
		session.Close()
		return &amqp.Error{Condition: "amqp:decode-error", Description: err.Error()}
	}
	l.session, reply.Source = session, source
	b, c := amqp.BeginMap(nil)
	b = amqp.AppendLong(amqp.AppendSymbol(b, propertyLockedUntil), ticks(session.LockedUntil()))
	reply.Properties = c.End(b, 2)
	return nil
}

// ticks is a time as .NET counts it: in 100 ns since the year 1.
func ticks(t time.Time) int64 { return t.UnixMilli()*10_000 + 621_355_968_000_000_000 }

// tryAccept looks for a session for a link that waits; the connection's mu is held.
func (l *link) tryAccept() {
	a, s := l.accept, l.s
	session := l.e.q.AcceptNext(l)
	var refusal *amqp.Error
	switch {
	case session != nil:
		refusal = l.accepted(session, &a.reply, a.descriptor)
	case l.s.c.srv.now().Before(a.until):
		return
	default:
		refusal = &amqp.Error{Condition: "com.microsoft:timeout", Description: "no session has messages for this receiver; try again"}
	}
	if refusal != nil {
		s.drop(l)
		s.refuse(a.reply, refusal)
		return
	}
	l.accept = nil
	s.c.accepting.Add(-1)
	s.c.frame(s.channel, a.reply.Append)
	l.Wake() // for credit that came early
}

// wakeAccepting has the connection look at its links that wait for sessions: their time
// may be over.
func (c *conn) wakeAccepting() {
	if c.accepting.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		for _, l := range s.links {
			if l.accept != nil {
				l.Wake()
			}
		}
	}
}

func sessionLost() amqp.Response {
	return amqp.Response{Code: codeGone, Condition: conditionSessionLost, Description: queue.ErrSessionLost.Error()}
}

// held finds the session that a link of this connection has locked.
func (c *conn) held(e *entity, id string) *queue.Session {
	for _, s := range c.sessions {
		for _, l := range s.links {
			if l.e == e && l.session != nil && l.session.ID() == id {
				return l.session
			}
		}
	}
	return nil
}

// manageSession carries out the operations of the holder of a session.
func (c *conn) manageSession(e *entity, op string, args amqp.Map) amqp.Response {
	id, isString := args.Get("session-id").(string)
	if !isString {
		return badRequest("session-id: a string")
	}
	session := c.held(e, id)
	if session == nil {
		return sessionLost()
	}
	key, value := "", []byte(nil)
	var err error
	switch op {
	case "renew-session-lock":
		var until time.Time
		until, err = session.Renew()
		key, value = "expiration", amqp.AppendTimestamp(nil, until)
	case "get-session-state":
		var state []byte
		state, err = session.State()
		key, value = "session-state", amqp.AppendNull(nil)
		if state != nil {
			value = amqp.AppendBinary(nil, state)
		}
	default:
		var state []byte
		switch v := args.Get("session-state").(type) {
		case nil:
		case []byte:
			if len(v) > 0 { // the Go client sends an empty one to remove the state
				state = bytes.Clone(v)
			}
		default:
			return badRequest("session-state: a binary or null")
		}
		err = session.SetState(state)
	}
	switch {
	case errors.Is(err, queue.ErrFull):
		return amqp.Response{Code: codeForbidden, Condition: conditionLimit, Description: err.Error()}
	case err != nil:
		return sessionLost()
	case key == "":
		return ok(emptyMap)
	}
	return ok(func(b []byte) []byte {
		b, m := amqp.BeginMap(b)
		return m.End(append(amqp.AppendString(b, key), value...), 2)
	})
}

// activeSessions is the last-updated-time, or a later one, that asks for the sessions with
// messages or a state instead of those updated since: the year 10000 less a tick.
var activeSessions = time.UnixMilli(253_402_300_799_999)

// maxSessionsListed is how many sessions one answer lists at most.
const maxSessionsListed = 1000

func listSessions(q *queue.Queue, args amqp.Map) amqp.Response {
	after, isTime := args.Get("last-updated-time").(time.Time)
	skip, isInt := args.Get("skip").(int32)
	top, isInt2 := args.Get("top").(int32)
	if !isTime || !isInt || !isInt2 || skip < 0 || top < 1 {
		return badRequest("last-updated-time: a timestamp; skip: an int; top: an int above 0")
	}
	if !q.Sessions() {
		return badRequest("the entity does not require sessions")
	}
	since := &after
	if !after.Before(activeSessions) {
		since = nil
	}
	ids := q.SessionIDs(since, int(skip), int(min(top, maxSessionsListed)))
	if len(ids) == 0 {
		return amqp.Response{Code: codeNoContent, Condition: "com.microsoft:session-not-found", Description: "no more sessions"}
	}
	return ok(func(b []byte) []byte {
		b, c := amqp.BeginMap(b)
		b = amqp.AppendInt(amqp.AppendString(b, "skip"), skip+int32(len(ids)))
		b = amqp.AppendStringArray(amqp.AppendString(b, "sessions-ids"), ids)
		return c.End(b, 4)
	})
}
