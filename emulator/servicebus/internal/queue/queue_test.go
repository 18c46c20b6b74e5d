package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

type bell struct{ rung int }

func (b *bell) Wake() { b.rung++ }

func message(t testing.TB, id string) *amqp.Message {
	t.Helper()
	body := amqp.AppendBinary([]byte{0x00, 0x53, 0x75}, []byte("body"))
	m, err := amqp.ReadMessage(body, func() string { return id })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newTest(t testing.TB, change func(*Config)) (*Queue, *clock) {
	t.Helper()
	c := &clock{time.Unix(1_000_000, 0)}
	cfg := Config{Name: "q", LockDuration: time.Minute, MaxDeliveryCount: 3, MaxBytes: 1 << 30}
	if change != nil {
		change(&cfg)
	}
	return NewSpace(c.now, [32]byte{}).New("q", cfg), c
}

func fill(t testing.TB, q *Queue, n int) {
	t.Helper()
	for i := range n {
		if _, err := q.Send([]*amqp.Message{message(t, fmt.Sprint(i+1))}); err != nil {
			t.Fatal(err)
		}
	}
}

func take(q *Queue, n int) []Delivery { return q.Take(nil, n, 1<<30, true, &bell{}) }

func TestWakesWhoFoundNothing(t *testing.T) {
	q, c := newTest(t, nil)
	var b bell
	if got := q.Take(nil, 1, 1<<20, true, &b); len(got) != 0 {
		t.Fatal("took from an empty queue")
	}
	fill(t, q, 1)
	if b.rung != 1 {
		t.Fatalf("woken %d times by a send, want 1", b.rung)
	}
	fill(t, q, 1)
	if b.rung != 1 {
		t.Fatalf("woken again without asking again")
	}
	got := q.Take(nil, 3, 1<<20, true, &b)
	if len(got) != 2 {
		t.Fatalf("took %d", len(got))
	}
	for _, how := range []struct {
		name string
		do   func() error
	}{
		{"abandon", func() error { return q.Abandon(got[0].LockToken, nil) }},
		{"release", func() error { return q.Release(got[1].LockToken) }},
	} {
		b.rung = 0
		if err := how.do(); err != nil {
			t.Fatal(err)
		}
		if b.rung != 1 {
			t.Errorf("%s: woken %d times, want 1", how.name, b.rung)
		}
		got = append(got[:0], q.Take(got[:0], 2, 1<<20, true, &b)...)
		if how.name == "abandon" { // hold the second for the release
			got = []Delivery{{}, got[0]}
		}
	}
	b.rung = 0
	c.t = c.t.Add(time.Hour)
	q.sp.Expire()
	if b.rung != 1 {
		t.Errorf("expiry: woken %d times, want 1", b.rung)
	}
	q.Take(nil, 5, 1<<20, true, &b)
	q.Forget(&b)
	b.rung = 0
	fill(t, q, 1)
	if b.rung != 0 {
		t.Error("woken after it was forgotten")
	}
}

func TestLocksExpireInTheOrderOfTheirEnds(t *testing.T) {
	q, c := newTest(t, nil)
	fill(t, q, 3)
	got := take(q, 3)
	c.t = c.t.Add(30 * time.Second)
	if _, err := q.Renew([]amqp.UUID{got[0].LockToken, got[2].LockToken}); err != nil {
		t.Fatal(err)
	}
	c.t = c.t.Add(30 * time.Second)
	if q.Holds(got[1].LockToken) || !q.Holds(got[0].LockToken) || !q.Holds(got[2].LockToken) {
		t.Error("only the lock that was not renewed should be lost")
	}
	if _, err := q.Renew([]amqp.UUID{got[0].LockToken, got[1].LockToken}); !errors.Is(err, ErrLockLost) {
		t.Errorf("renewal of a lost lock among others: %v", err)
	}
	c.t = c.t.Add(30 * time.Second)
	if s := q.Stats(); s.Active != 3 || s.Locked != 0 || s.Expired != 3 {
		t.Errorf("%+v", s)
	}
	// The clock is set back: new locks still end in order.
	c.t = c.t.Add(-time.Hour)
	take(q, 2)
	c.t = c.t.Add(2 * time.Minute)
	if s := q.Stats(); s.Active != 3 {
		t.Errorf("after the clock was set back: %+v", s)
	}
}

func TestSendIsAllOrNothing(t *testing.T) {
	size := int64(message(t, "1").Size())
	q, _ := newTest(t, func(c *Config) { c.MaxBytes = 2 * size })
	batch := []*amqp.Message{message(t, "1"), message(t, "2"), message(t, "3")}
	if _, err := q.Send(batch); !errors.Is(err, ErrFull) {
		t.Fatalf("error %v", err)
	}
	if s := q.Stats(); s.Sent != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := q.Send(batch[:2]); err != nil {
		t.Error(err)
	}
}

func TestTakeStopsAtBytes(t *testing.T) {
	q, _ := newTest(t, nil)
	fill(t, q, 10)
	size := message(t, "1").Size()
	if got := q.Take(nil, 10, 3*size, true, &bell{}); len(got) != 3 {
		t.Errorf("took %d messages, want 3", len(got))
	}
}

// TestAgainstModel compares a long random course of operations with the plainest model
// that could be right: every message is somewhere exactly once, order is by sequence
// number, counts agree, and memory is given back.
func TestAgainstModel(t *testing.T) {
	type model struct {
		state      state
		deliveries int
		token      amqp.UUID
		until      time.Time
	}
	rng := rand.New(rand.NewPCG(1, 2))
	q, c := newTest(t, nil)
	var all []*model // by sequence number - 1
	dead := 0
	fail := func(m *model) {
		m.deliveries++
		m.state = active
		if m.deliveries >= 3 {
			m.state = gone
			dead++
		}
	}
	locks := func() []*model {
		var out []*model
		for _, m := range all {
			if m.state == locked {
				out = append(out, m)
			}
		}
		return out
	}
	for step := range 8_000 {
		switch op := rng.IntN(10); {
		case op < 3:
			n := 1 + rng.IntN(4)
			var batch []*amqp.Message
			for range n {
				all = append(all, &model{})
				batch = append(batch, message(t, fmt.Sprint(len(all))))
			}
			if _, err := q.Send(batch); err != nil {
				t.Fatal(err)
			}
		case op < 6:
			limit := 1 + rng.IntN(5)
			lock := rng.IntN(10) > 0
			got := q.Take(nil, limit, 1<<30, lock, &bell{})
			i := 0
			for seq, m := range all {
				if m.state != active || i == limit {
					continue
				}
				if i == len(got) || got[i].SequenceNumber != int64(seq+1) || int(got[i].DeliveryCount) != m.deliveries {
					t.Fatalf("step %d: delivery %d of %d is not message %d after %d deliveries", step, i, len(got), seq+1, m.deliveries)
				}
				m.state = gone
				if lock {
					m.state, m.token, m.until = locked, got[i].LockToken, c.t.Add(time.Minute)
				}
				i++
			}
			if i != len(got) {
				t.Fatalf("step %d: %d deliveries, want %d", step, len(got), i)
			}
		case op < 9:
			held := locks()
			if len(held) == 0 {
				continue
			}
			m := held[rng.IntN(len(held))]
			var err error
			switch rng.IntN(6) {
			case 0, 1:
				m.state, err = gone, q.Complete(m.token)
			case 2:
				err = q.Abandon(m.token, nil)
				fail(m)
			case 3:
				m.state, err = active, q.Release(m.token)
			case 4:
				err = q.DeadLetterMessage(m.token, nil)
				m.state = gone
				dead++
			case 5:
				_, err = q.Renew([]amqp.UUID{m.token})
				m.until = c.t.Add(time.Minute)
			}
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		default:
			c.t = c.t.Add(time.Duration(rng.IntN(20)) * time.Second)
			for _, m := range locks() {
				if !c.t.Before(m.until) {
					fail(m)
				}
			}
		}
		if step%100 != 0 {
			continue
		}
		var want Stats
		for _, m := range all {
			switch m.state {
			case active:
				want.Active++
			case locked:
				want.Locked++
			case deferred, scheduled, gone:
			}
		}
		s := q.Stats()
		if s.Active != want.Active || s.Locked != want.Locked || s.DeadLettered != dead || int(s.Sent) != len(all) {
			t.Fatalf("step %d: %+v, want %d active, %d locked, %d dead of %d", step, s, want.Active, want.Locked, dead, len(all))
		}
		if len(q.log) > 2*(s.Active+s.Locked)+2048 {
			t.Fatalf("step %d: a log of %d for %d messages", step, len(q.log), s.Active+s.Locked)
		}
		if got := q.Peek(0, 1<<20, 1<<30, nil); len(got) != s.Active+s.Locked {
			t.Fatalf("step %d: peeked %d of %d", step, len(got), s.Active+s.Locked)
		}
	}
}

func TestDuplicatesForget(t *testing.T) {
	d := newDuplicates(time.Minute)
	now := int64(0)
	for i := range 100_000 {
		now += 100
		if d.add(fmt.Sprint(i), now) {
			t.Fatalf("%d is new", i)
		}
		if !d.add(fmt.Sprint(i), now) {
			t.Fatalf("%d is not new", i)
		}
	}
	if len(d.ids) > 600 || len(d.order) > 4096 {
		t.Errorf("remembers %d ids in %d places for a window of 600", len(d.ids), len(d.order))
	}
}

func BenchmarkSendTakeComplete(b *testing.B) {
	q, _ := newTest(b, func(c *Config) { c.DuplicateWindow = time.Hour })
	ids := make([]*amqp.Message, 1000)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range ids {
			n++
			ids[i] = message(b, fmt.Sprint(n))
		}
		if _, err := q.Send(ids); err != nil {
			b.Fatal(err)
		}
		for _, d := range take(q, len(ids)) {
			if err := q.Complete(d.LockToken); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
}
