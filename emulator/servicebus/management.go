package servicebus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// Codes of responses, those of HTTP.
const (
	codeOK             = 200
	codeAccepted       = 202
	codeNoContent      = 204
	codeBadRequest     = 400
	codeForbidden      = 403
	codeNotFound       = 404
	codeConflict       = 409
	codeGone           = 410
	codeNotImplemented = 501
)

// request answers a request to $cbs or $management on the link that its reply-to names.
func (l *link) request(payload []byte) *amqp.Error {
	r, err := amqp.ReadRequest(payload)
	if err != nil {
		return &amqp.Error{Condition: "amqp:decode-error", Description: err.Error()}
	}
	reply := l.s.c.answering(l.node, r.ReplyTo)
	switch {
	case reply == nil:
		return notAllowed("no link of this connection receives from %s under the reply-to %.100q", l.node, r.ReplyTo)
	case l.s.c.owed > outHard:
		return &amqp.Error{Condition: conditionLimit, Description: "too many responses wait to be received"}
	}
	var response amqp.Response
	if l.node == nodeCBS {
		response = l.s.c.putToken(r)
	} else {
		response = l.s.c.manage(l.e, r)
	}
	b := response.Append(nil, r.ID)
	l.s.c.owed += len(b)
	reply.responses = append(reply.responses, b)
	reply.Wake()
	return nil
}

// answering finds the link for responses.
func (c *conn) answering(node, replyTo string) *link {
	for _, s := range c.sessions {
		for _, l := range s.links {
			if l.kind == answering && l.node == node && l.replyTo == replyTo {
				return l
			}
		}
	}
	return nil
}

// respond sends responses as far as credit and window go.
func (l *link) respond() {
	for len(l.responses) > 0 && l.credit > 0 && l.s.outgoingWindow > 0 {
		r := l.responses[0]
		l.responses = l.responses[1:]
		l.s.c.owed -= len(r)
		tag := [4]byte{byte(l.deliveryCount >> 24), byte(l.deliveryCount >> 16), byte(l.deliveryCount >> 8), byte(l.deliveryCount)}
		l.s.send(l, tag[:], true, func(b []byte) []byte { return append(b, r...) })
	}
}

// manage carries out an operation on an entity.
func (c *conn) manage(e *entity, r amqp.Request) amqp.Response {
	args, _ := r.Value.(amqp.Map)
	op := strings.TrimPrefix(r.Properties.String("operation"), "com.microsoft:")
	switch op {
	case "renew-lock":
		return renewLock(e.q, args)
	case "peek-message":
		return peek(e.q, args)
	case "receive-by-sequence-number":
		return receiveDeferred(e.q, args)
	case "update-disposition":
		return updateDisposition(e.q, args)
	case "schedule-message":
		return schedule(e, args)
	case "cancel-scheduled-message":
		return cancelScheduled(e.q, args)
	case "renew-session-lock", "get-session-state", "set-session-state":
		return c.manageSession(e, op, args)
	case "get-message-sessions":
		return listSessions(e.q, args)
	case "add-rule", "remove-rule", "enumerate-rules":
		return c.srv.manageRules(e, op, args)
	}
	return amqp.Response{
		Code: codeNotImplemented, Condition: "amqp:not-implemented",
		Description: fmt.Sprintf("operation %.100q is not supported by this emulator", op),
	}
}

func badRequest(format string, a ...any) amqp.Response {
	return amqp.Response{Code: codeBadRequest, Condition: conditionArgument, Description: fmt.Sprintf(format, a...)}
}

func lockLost() amqp.Response {
	return amqp.Response{Code: codeGone, Condition: conditionLockLost, Description: lockLostText}
}

func messageNotFound(err error) amqp.Response {
	return amqp.Response{Code: codeNotFound, Condition: "com.microsoft:message-not-found", Description: err.Error()}
}

func ok(body func([]byte) []byte) amqp.Response {
	return amqp.Response{Code: codeOK, Description: "OK", Body: body}
}

func emptyMap(b []byte) []byte {
	b, c := amqp.BeginMap(b)
	return c.End(b, 0)
}

// elements reads an array or list of T.
func elements[T any](v any) ([]T, bool) {
	var in []any
	switch v := v.(type) {
	case amqp.Array:
		in = v
	case []any:
		in = v
	default:
		return nil, false
	}
	out := make([]T, len(in))
	for i, e := range in {
		t, ok := e.(T)
		if !ok {
			return nil, false
		}
		out[i] = t
	}
	return out, len(out) > 0
}

func renewLock(q *queue.Queue, args amqp.Map) amqp.Response {
	tokens, isList := elements[amqp.UUID](args.Get("lock-tokens"))
	if !isList {
		return badRequest("lock-tokens: an array of uuid, not empty")
	}
	times, err := q.Renew(tokens)
	if err != nil {
		return lockLost()
	}
	return ok(func(b []byte) []byte {
		b, c := amqp.BeginMap(b)
		b = amqp.AppendTimestampArray(amqp.AppendString(b, "expirations"), times)
		return c.End(b, 2)
	})
}

func peek(q *queue.Queue, args amqp.Map) amqp.Response {
	from, isLong := args.Get("from-sequence-number").(int64)
	count, isInt := args.Get("message-count").(int32)
	if !isLong || !isInt || count < 1 {
		return badRequest("from-sequence-number: a long; message-count: an int above 0")
	}
	var session *string
	if id, ok := args.Get("session-id").(string); ok {
		session = &id
	}
	got := q.Peek(from, int(count), maxRequest, session)
	if len(got) == 0 {
		return amqp.Response{Code: codeNoContent, Condition: "com.microsoft:no-messages", Description: "no more messages"}
	}
	return ok(func(b []byte) []byte { return appendMessages(b, got, false) })
}

// appendMessages writes a map {messages: [{message: binary}, …]}, each with its lock token
// if it has one.
func appendMessages(b []byte, got []queue.Delivery, tokens bool) []byte {
	b, outer := amqp.BeginMap(b)
	b = amqp.AppendString(b, "messages")
	b, list := amqp.BeginList(b)
	for _, d := range got {
		d.WithToken = tokens
		b2, c := amqp.BeginMap(b)
		b = amqp.AppendBinary(amqp.AppendString(b2, "message"), d.Message.Append(nil, d.Assigned))
		n := 2
		if tokens {
			b = amqp.AppendUUID(amqp.AppendString(b, "lock-token"), d.LockToken)
			n = 4
		}
		b = c.End(b, n)
	}
	b = list.End(b, len(got))
	return outer.End(b, 2)
}

func receiveDeferred(q *queue.Queue, args amqp.Map) amqp.Response {
	seqs, isList := elements[int64](args.Get("sequence-numbers"))
	mode, isUint := args.Get("receiver-settle-mode").(uint32)
	if !isList || !isUint {
		return badRequest("sequence-numbers: an array of long, not empty; receiver-settle-mode: a uint")
	}
	lock := mode == amqp.ReceiverSecond
	got, err := q.ReceiveDeferred(seqs, lock)
	switch {
	case errors.Is(err, queue.ErrSessionLost):
		return sessionLost()
	case err != nil:
		return messageNotFound(err)
	}
	return ok(func(b []byte) []byte { return appendMessages(b, got, lock) })
}

func updateDisposition(q *queue.Queue, args amqp.Map) amqp.Response {
	tokens, isList := elements[amqp.UUID](args.Get("lock-tokens"))
	if !isList {
		return badRequest("lock-tokens: an array of uuid, not empty")
	}
	var state amqp.State
	switch status := args.String("disposition-status"); status {
	case "completed":
		state.Code = amqp.StateAccepted
	case "abandoned":
		state.Code = amqp.StateModified
	case "defered": // as the protocol has it
		state.Code, state.UndeliverableHere = amqp.StateModified, true
	case "suspended":
		state.Code = amqp.StateRejected
		state.Pairs = append(state.Pairs,
			amqp.TextPair(queue.PropertyReason, args.String("deadletter-reason")),
			amqp.TextPair(queue.PropertyDescription, args.String("deadletter-description")))
	default:
		return badRequest("disposition-status %.100q", status)
	}
	set, err := amqp.EncodePairs(args.Get("properties-to-modify"))
	if err != nil {
		return badRequest("properties-to-modify: %v", err)
	}
	state.Pairs = append(state.Pairs, set...)
	var lost error
	for _, t := range tokens {
		lost = errors.Join(lost, settle(q, t, state))
	}
	if lost != nil {
		return lockLost()
	}
	return ok(emptyMap)
}

// schedule stores messages that appear later: {messages: [{message: binary}, …]}.
func schedule(e *entity, args amqp.Map) amqp.Response {
	if e.kind != isQueue && e.kind != isTopic {
		return badRequest("messages cannot be scheduled on %s", e.name)
	}
	list, isList := elements[amqp.Map](args.Get("messages"))
	if !isList {
		return badRequest("messages: a list of maps, not empty")
	}
	messages := make([]*amqp.Message, len(list))
	for i, entry := range list {
		raw, isBinary := entry.Get("message").([]byte)
		if !isBinary {
			return badRequest("message %d: a binary", i)
		}
		m, err := readMessage(raw)
		if err != nil {
			return badRequest("message %d: %v", i, err)
		}
		messages[i] = m
	}
	seqs, err := e.q.Send(messages)
	if err != nil {
		refusal := sendError(err)
		return amqp.Response{Code: codeForbidden, Condition: refusal.Condition, Description: refusal.Description}
	}
	return ok(func(b []byte) []byte {
		b, c := amqp.BeginMap(b)
		b = amqp.AppendLongArray(amqp.AppendString(b, "sequence-numbers"), seqs)
		return c.End(b, 2)
	})
}

func cancelScheduled(q *queue.Queue, args amqp.Map) amqp.Response {
	seqs, isList := elements[int64](args.Get("sequence-numbers"))
	if !isList {
		return badRequest("sequence-numbers: an array of long, not empty")
	}
	if err := q.Cancel(seqs); err != nil {
		return messageNotFound(err)
	}
	return ok(emptyMap)
}
