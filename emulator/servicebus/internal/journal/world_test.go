package journal

import (
	"bytes"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// world is a space with one queue of every kind.
type world struct {
	t        testing.TB
	now      time.Time
	space    *queue.Space
	q, s, d  *queue.Queue // plain, with sessions, with duplicate detection and forwarding
	log      bytes.Buffer
	j        *Journal
	sent     int
	topic    *queue.Topic
	sub      *queue.Queue
	sessions map[string]*queue.Session
}

type nobody struct{}

func (nobody) Wake() {}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Unix(1_700_000_000, 0), sessions: map[string]*queue.Session{}}
	w.space = queue.NewSpace(func() time.Time { return w.now }, [32]byte{1})
	cfg := queue.Config{LockDuration: time.Minute, MaxDeliveryCount: 2, MaxBytes: 1 << 30}
	w.q = w.space.New("q", cfg)
	cfg.DuplicateWindow = time.Hour
	w.topic = w.space.NewTopic("t", cfg)
	w.d = w.space.New("d", cfg)
	cfg.DuplicateWindow, cfg.DeadLetterExpired = 0, true
	w.sub = w.space.New("t/subscriptions/s", cfg)
	cfg.Sessions = true
	w.s = w.space.New("s", cfg)
	w.topic.Subscribe(w.sub, func(m *amqp.Message) []*amqp.Message { return []*amqp.Message{m} })
	return w
}

func (w *world) open(dir string) *world {
	w.t.Helper()
	j, err := Open(dir, w.space, slog.New(slog.NewTextHandler(&w.log, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.j = j
	w.t.Cleanup(func() { _ = j.Close() })
	return w
}

func message(t testing.TB, id string, header, annotations, properties []byte) *amqp.Message {
	t.Helper()
	raw := append(append(append(append([]byte{}, header...), annotations...), properties...), amqp.AppendBinary([]byte{0x00, 0x53, 0x75}, []byte("body of "+id))...)
	m, err := amqp.ReadMessage(raw, func() string { return id })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) message() *amqp.Message {
	w.sent++
	return message(w.t, fmt.Sprint("m", w.sent), nil, nil, nil)
}

func (w *world) scheduled(after time.Duration) *amqp.Message {
	b, c := amqp.BeginMap([]byte{0x00, 0x53, 0x72})
	b = amqp.AppendTimestamp(amqp.AppendSymbol(b, "x-opt-scheduled-enqueue-time"), w.now.Add(after))
	w.sent++
	return message(w.t, fmt.Sprint("m", w.sent), nil, c.End(b, 2), nil)
}

func (w *world) mortal(ttl uint32) *amqp.Message {
	b, c := amqp.BeginList([]byte{0x00, 0x53, 0x70})
	b = amqp.AppendUint(amqp.AppendNull(amqp.AppendNull(b)), ttl)
	w.sent++
	return message(w.t, fmt.Sprint("m", w.sent), c.End(b, 3), nil, nil)
}

func (w *world) inSession(id string) *amqp.Message {
	return w.message().WithProperty(amqp.PropertyGroupID, amqp.AppendString(nil, id))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) send(q *queue.Queue, ms ...*amqp.Message) []int64 {
	w.t.Helper()
	seqs, err := q.Send(ms)
	w.must(err)
	return seqs
}

func take(q *queue.Queue, n int) []queue.Delivery {
	return q.Take(nil, n, 1<<30, true, nobody{})
}

// course makes every kind of change; step is called after each.
func (w *world) course(step func()) {
	do := func(f func()) {
		f()
		step()
	}
	do(func() { w.send(w.q, w.message()) })
	do(func() { w.send(w.q, w.message(), w.message(), w.message()) })
	got := take(w.q, 4)
	do(func() { w.must(w.q.Complete(got[0].LockToken)) })
	do(func() { w.must(w.q.Abandon(got[1].LockToken, []amqp.Pair{amqp.TextPair("why", "busy")})) })
	do(func() { w.must(w.q.Defer(got[2].LockToken, []amqp.Pair{amqp.TextPair("later", "yes")})) })
	do(func() { w.must(w.q.DeadLetterMessage(got[3].LockToken, []amqp.Pair{amqp.TextPair("r", "x")})) })
	do(func() {
		again := take(w.q, 1)
		w.must(w.q.Abandon(again[0].LockToken, nil)) // the second delivery buries it
	})
	dead := take(w.q.DeadLetter(), 1)
	do(func() { w.must(w.q.DeadLetter().Complete(dead[0].LockToken)) })
	do(func() { w.send(w.d, w.message()) })
	do(func() { w.q.Take(nil, 1, 1, false, nobody{}) })
	var seqs []int64
	do(func() {
		seqs = w.send(w.q, w.scheduled(time.Minute), w.scheduled(2*time.Minute), w.scheduled(time.Hour))
	})
	do(func() { w.must(w.q.Cancel(seqs[2:])) })
	do(func() {
		w.now = w.now.Add(90 * time.Second)
		w.space.Expire() // one of them appears
	})
	do(func() { w.send(w.sub, w.mortal(1000)) })
	do(func() {
		w.now = w.now.Add(2 * time.Second)
		w.space.Expire() // and is a dead letter
	})
	do(func() { w.send(w.topic.Queue, w.message()) })
	do(func() { w.send(w.s, w.inSession("A"), w.inSession("B")) })
	h, err := w.s.Accept("A", nobody{})
	w.must(err)
	do(func() { w.must(h.SetState([]byte("half"))) })
	do(func() { w.must(h.SetState(nil)) })
	do(func() { w.must(h.SetState([]byte("done"))) })
	m := h.Take(nil, 1, 1<<20, true)
	do(func() { w.must(w.s.Abandon(m[0].LockToken, nil)) })
	do(func() { w.space.Set("rules/x", []byte("value")) })
	do(func() { w.space.Set("rules/y", []byte("value")) })
	do(func() { w.space.Set("rules/x", nil) })
}

// dump is everything that outlives a broker, as text. Locks do not.
func dump(space *queue.Space) string {
	var b strings.Builder
	for _, s := range space.Snapshots(nil) {
		fmt.Fprintf(&b, "%s seen %v\n", s.Key(), s.Seen())
		var states []string
		s.States(func(id string, state []byte, at time.Time) {
			states = append(states, fmt.Sprintf("%s=%s@%d", id, state, at.UnixMilli()))
		})
		sort.Strings(states)
		fmt.Fprintln(&b, states)
		for s.Next(3, func(r queue.Record) {
			fmt.Fprintf(&b, "%d %d %d %d %d %v %x\n", r.Sequence, r.EnqueuedSeq, r.EnqueuedAt, r.Due, r.Deliveries, r.Deferred, r.Message.AppendStored(nil))
		}) {
			continue
		}
	}
	settings := space.Settings()
	for _, k := range sortedKeys(settings) {
		fmt.Fprintf(&b, "%s=%s\n", k, settings[k])
	}
	return b.String()
}
