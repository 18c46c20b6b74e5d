package servicebus_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// fanOut sends n messages in batches while nobody listens, then has receivers on
// connections of their own receive and complete each one, and returns the two times.
func fanOut(t testing.TB, dir string, n, receivers int) (sent, settled time.Duration) {
	s := servicebustest.StartConfig(t, servicebus.Config{Dir: dir, Queues: []servicebus.Queue{{Name: "q", DuplicateWindow: time.Hour}}})
	ctx, stop := context.WithCancel(within(t, 2*time.Minute))
	defer stop()
	start := time.Now()
	sendMany(ctx, t, sender(t, connect(t, s), "q"), n)
	sent = time.Since(start)

	start = time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range receivers {
		r := receiver(t, connect(t, s), "q", nil)
		wg.Go(func() {
			for {
				ms, err := r.ReceiveMessages(ctx, 100, nil)
				if errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					t.Errorf("receive: %v", err)
					stop()
					return
				}
				var settling sync.WaitGroup
				for _, m := range ms {
					settling.Go(func() {
						if err := r.CompleteMessage(ctx, m, nil); err != nil {
							t.Errorf("complete: %v", err)
						}
					})
				}
				settling.Wait()
				if left.Add(int64(-len(ms))) == 0 {
					settled = time.Since(start)
					stop()
				}
			}
		})
	}
	wg.Wait()
	if st := stats(t, s, "q"); st.Completed != int64(n) || st.Active+st.Locked != 0 {
		t.Errorf("%d messages: %+v", n, st)
	}
	return sent, settled
}

func sendMany(ctx context.Context, t testing.TB, s *azservicebus.Sender, n int) {
	t.Helper()
	body := bytes.Repeat([]byte("x"), 200)
	batch, err := s.NewMessageBatch(ctx, nil)
	must(t, err)
	for i := range n {
		id := strconv.Itoa(i)
		m := &azservicebus.Message{Body: body, MessageID: &id, ApplicationProperties: map[string]any{"function": "plan-training"}}
		err := batch.AddMessage(m, nil)
		if errors.Is(err, azservicebus.ErrMessageTooLarge) {
			must(t, s.SendMessageBatch(ctx, batch, nil))
			batch, err = s.NewMessageBatch(ctx, nil)
			must(t, err)
			err = batch.AddMessage(m, nil)
		}
		must(t, err)
	}
	must(t, s.SendMessageBatch(ctx, batch, nil))
}

// BenchmarkFanOut is the project's budget for 100,000 messages of 200 bytes, real clients
// included: 8 s at most, 3 s aimed at, on two cores.
func BenchmarkFanOut(b *testing.B) {
	benchmarkFanOut(b, func() string { return "" })
}

// BenchmarkFanOutDurable is the same with every message and every settlement on disk before
// it is confirmed.
func BenchmarkFanOutDurable(b *testing.B) { benchmarkFanOut(b, b.TempDir) }

func benchmarkFanOut(b *testing.B, dir func() string) {
	const messages = 100_000
	var sent, settled time.Duration
	n := 0
	for b.Loop() {
		s, r := fanOut(b, dir(), messages, 8)
		sent, settled, n = sent+s, settled+r, n+1
	}
	b.ReportMetric(sent.Seconds()/float64(n), "send-s")
	b.ReportMetric(settled.Seconds()/float64(n), "settle-s")
	b.ReportMetric(messages*float64(n)/sent.Seconds(), "sent/s")
	b.ReportMetric(messages*float64(n)/settled.Seconds(), "settled/s")
}

// BenchmarkSendMillion fills a queue with a million messages of 200 bytes and reports the
// memory that each takes, duplicate detection included.
func BenchmarkSendMillion(b *testing.B) {
	for b.Loop() {
		before := heap()
		s := servicebustest.Start(b, servicebus.Queue{Name: "q", DuplicateWindow: time.Hour})
		sendMany(within(b, 2*time.Minute), b, sender(b, connect(b, s), "q"), 1_000_000)
		if st := stats(b, s, "q"); st.Active != 1_000_000 {
			b.Fatalf("%+v", st)
		}
		b.ReportMetric(float64(heap()-before)/1e6, "B/message")
	}
}

// BenchmarkRecoverMillion is the time from the start of a server to its first answer with a
// million messages of 200 bytes on disk, half of them in the journal and half of them, if
// that was large enough, in a snapshot.
func BenchmarkRecoverMillion(b *testing.B) {
	const n = 1_000_000
	cfg := servicebus.Config{Dir: b.TempDir(), Queues: []servicebus.Queue{{Name: "q", DuplicateWindow: time.Hour}}}
	s := servicebustest.StartConfig(b, cfg)
	sendMany(within(b, 5*time.Minute), b, sender(b, connect(b, s), "q"), n)
	must(b, s.Close())
	for b.Loop() {
		before := heap()
		s := servicebustest.StartConfig(b, cfg)
		if st := stats(b, s, "q"); st.Active != n {
			b.Fatalf("%+v", st)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/1e6, "B/message")
		must(b, s.Close())
		b.StartTimer()
	}
}

// heap is the memory in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
