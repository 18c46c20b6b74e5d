package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// Kinds of changes.
const (
	opPut byte = iota + 1
	opUpdate
	opRemove
	opState
	opCounters
	opSeen
	opSetting
	opEnd // of a snapshot: it is complete
)

// Flags of a put or update.
const (
	flagDeferred = 1 << iota
	flagMessage
)

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendRecord(b []byte, op byte, key string, r queue.Record) []byte {
	b = appendText(append(b, op), key)
	flags := byte(0)
	if r.Deferred {
		flags |= flagDeferred
	}
	if r.Message != nil {
		flags |= flagMessage
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(r.Sequence))
	b = binary.AppendUvarint(b, uint64(r.EnqueuedSeq))
	b = binary.AppendVarint(b, r.EnqueuedAt)
	b = binary.AppendVarint(b, r.Due)
	b = binary.AppendUvarint(b, uint64(r.Deliveries))
	if r.Message == nil {
		return b
	}
	// The length comes first: it is written once the message is.
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = r.Message.AppendStored(b)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendRemove(b []byte, key string, seq int64) []byte {
	return binary.AppendUvarint(appendText(append(b, opRemove), key), uint64(seq))
}

func appendState(b []byte, key, session string, state []byte, at time.Time) []byte {
	b = appendText(appendText(append(b, opState), key), session)
	b = binary.AppendVarint(b, at.UnixMilli())
	if state == nil {
		return append(b, 0)
	}
	return appendText(append(b, 1), state)
}

func appendCounters(b []byte, key string, last int64) []byte {
	return binary.AppendUvarint(appendText(append(b, opCounters), key), uint64(last))
}

func appendSeen(b []byte, key string, s queue.Seen) []byte {
	return binary.AppendVarint(appendText(appendText(append(b, opSeen), key), s.ID), s.At)
}

// A Restorer is told what was recorded, in the same order.
type Restorer interface {
	RestorePut(key string, r queue.Record)
	RestoreUpdate(key string, r queue.Record)
	RestoreRemove(key string, seq int64)
	RestoreState(key, session string, state []byte, at time.Time)
	RestoreCounters(key string, lastSeq int64, seen []queue.Seen)
	RestoreSetting(name string, value []byte)
}

var errShort = errors.New("a change is cut off")

// reader takes a payload apart; the first error stays.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() { r.b, r.err = nil, errShort }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) record() (queue.Record, error) {
	flags := r.byte()
	out := queue.Record{
		Deferred: flags&flagDeferred != 0, Sequence: int64(r.uvarint()), EnqueuedSeq: int64(r.uvarint()),
		EnqueuedAt: r.varint(), Due: r.varint(), Deliveries: uint32(r.uvarint()),
	}
	if flags&flagMessage == 0 {
		return out, r.err
	}
	head := r.bytes(4)
	if r.err != nil {
		return out, r.err
	}
	raw := r.bytes(uint64(binary.BigEndian.Uint32(head)))
	if r.err != nil {
		return out, r.err
	}
	m, err := amqp.ReadMessage(raw, func() string { return "" })
	out.Message = m
	return out, err
}

// replay tells a restorer the changes of a payload. Nothing is told if the payload is not
// well-formed: a step happens entirely or not at all.
func replay(payload []byte, to Restorer) (ended bool, err error) {
	var steps []func()
	r := &reader{b: payload}
	for len(r.b) > 0 {
		op := r.byte()
		if op == opEnd {
			ended = true
			continue
		}
		key := r.text()
		switch op {
		case opPut, opUpdate:
			rec, err := r.record()
			switch {
			case err != nil:
				return false, err
			case op == opUpdate:
				steps = append(steps, func() { to.RestoreUpdate(key, rec) })
			case rec.Message == nil:
				return false, errors.New("a message without contents")
			default:
				steps = append(steps, func() { to.RestorePut(key, rec) })
			}
		case opRemove:
			seq := int64(r.uvarint())
			steps = append(steps, func() { to.RestoreRemove(key, seq) })
		case opState:
			session, at := r.text(), r.varint()
			var state []byte
			if r.byte() == 1 {
				state = append([]byte{}, r.bytes(r.uvarint())...)
			}
			steps = append(steps, func() { to.RestoreState(key, session, state, time.UnixMilli(at)) })
		case opCounters:
			last := int64(r.uvarint())
			steps = append(steps, func() { to.RestoreCounters(key, last, nil) })
		case opSeen:
			seen := []queue.Seen{{ID: r.text(), At: r.varint()}}
			steps = append(steps, func() { to.RestoreCounters(key, 0, seen) })
		case opSetting:
			value := append([]byte(nil), r.bytes(r.uvarint())...)
			steps = append(steps, func() { to.RestoreSetting(key, value) })
		default:
			return false, fmt.Errorf("change of kind %d", op)
		}
	}
	if r.err != nil {
		return false, r.err
	}
	for _, step := range steps {
		step()
	}
	return ended, nil
}
