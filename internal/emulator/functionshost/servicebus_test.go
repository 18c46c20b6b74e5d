package functionshost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
)

// broker is a Service Bus with the queues of the test app and a client of its own.
type broker struct {
	*servicebus.Server
	cs     string
	client *azservicebus.Client
}

func newBroker(t *testing.T, lock time.Duration, deliveries int) *broker {
	t.Helper()
	server, err := servicebus.New(servicebus.Config{Queues: []servicebus.Queue{
		{Name: "one", LockDuration: lock, MaxDeliveryCount: deliveries},
		{Name: "many", LockDuration: lock, MaxDeliveryCount: deliveries},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(ln) }()
	b := &broker{Server: server, cs: servicebus.ConnectionString(ln.Addr())}
	if b.client, err = azservicebus.NewClientFromConnectionString(b.cs, &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{RetryDelay: 10 * time.Millisecond},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.client.Close(context.Background())
		_ = server.Close()
	})
	return b
}

// send puts n messages with the ids 0, 1, … into a queue.
func (b *broker) send(t *testing.T, queue string, n int) {
	t.Helper()
	sender, err := b.client.NewSender(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := sender.NewMessageBatch(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for k := range n {
		m := &azservicebus.Message{MessageID: new(fmt.Sprint(k)), Body: []byte("{}")}
		if err := batch.AddMessage(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := sender.SendMessageBatch(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
	if err := sender.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *broker) stats(t *testing.T, queue string) servicebus.QueueStats {
	t.Helper()
	s, ok := b.Stats(queue)
	if !ok {
		t.Fatalf("no queue %s", queue)
	}
	return s
}

func (b *broker) becomes(t *testing.T, queue, what string, ok func(servicebus.QueueStats) bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("%s: %+v", queue, b.stats(t, queue))
		}
	}()
	eventually(t, what, func() bool { return ok(b.stats(t, queue)) })
}

func on(b *broker, change func(*Config)) func(*Config) {
	return func(cfg *Config) {
		cfg.ServiceBus = b.cs
		if change != nil {
			change(cfg)
		}
	}
}

func TestMessagesAreCompletedOrAbandoned(t *testing.T) {
	b, c := newBroker(t, time.Minute, 3), newControl(t)
	b.send(t, "one", 4)
	seen := c.always(t, func(got *call) string {
		if got.IDs[0] == "2" {
			return "fail"
		}
		return "ok"
	})
	start(t, c, on(b, nil))
	b.becomes(t, "one", "3 completed, 1 dead-lettered", func(s servicebus.QueueStats) bool {
		return s.Completed == 3 && s.DeadLettered == 1 && s.Active == 0 && s.Locked == 0
	})
	var counts []int
	for _, got := range seen() {
		if got.IDs[0] == "2" {
			counts = append(counts, got.Count)
		}
	}
	if !slices.Equal(counts, []int{1, 2, 3}) {
		t.Errorf("delivery counts %v of the failing message, want 1 2 3", counts)
	}
}

// TestConcurrencyIsThatOfHostJSON: two instances of two calls work on four messages, never
// on a fifth.
func TestConcurrencyIsThatOfHostJSON(t *testing.T) {
	b, c := newBroker(t, time.Minute, 10), newControl(t)
	b.send(t, "one", 24)
	start(t, c, on(b, func(cfg *Config) { cfg.Instances = 2 }))
	var held []*call
	perWorker := map[int]int{}
	for range 4 {
		got := c.next(t)
		held = append(held, got)
		perWorker[got.PID]++
	}
	for pid, n := range perWorker {
		if n != 2 {
			t.Errorf("worker %d has %d calls, want 2", pid, n)
		}
	}
	if s := b.stats(t, "one"); s.Locked != 4 {
		t.Errorf("%d messages locked while 4 are worked on", s.Locked)
	}
	for done := range 24 {
		held[0].answer <- "ok"
		held = held[1:]
		if done < 20 {
			held = append(held, c.next(t)) // each end lets exactly one in
			if s := b.stats(t, "one"); s.Locked > 5 {
				t.Errorf("%d messages locked; at most 4, and one that is being settled", s.Locked)
			}
		}
	}
	b.becomes(t, "one", "all completed", func(s servicebus.QueueStats) bool { return s.Completed == 24 })
}

func TestBatchIsSettledAsAWhole(t *testing.T) {
	b, c := newBroker(t, time.Minute, 10), newControl(t)
	b.send(t, "many", 50)
	start(t, c, on(b, nil))
	first := c.next(t)
	if first.Function != "many" || len(first.IDs) < 2 {
		t.Fatalf("got %s with %d messages, want a batch", first.Function, len(first.IDs))
	}
	b.send(t, "many", 50) // while the batch is worked on
	select {
	case <-c.calls:
		t.Error("a second batch on the same instance")
	case <-time.After(100 * time.Millisecond):
	}
	first.answer <- "fail"
	b.becomes(t, "many", "all of the batch abandoned", func(s servicebus.QueueStats) bool { return s.Abandoned == int64(len(first.IDs)) })
	for left := 100; left > 0; {
		got := c.next(t)
		left -= len(got.IDs)
		got.answer <- "ok"
	}
	b.becomes(t, "many", "all completed", func(s servicebus.QueueStats) bool { return s.Completed == 100 && s.LocksExpired == 0 })
}

func TestLockIsRenewedWhileAMessageIsWorkedOn(t *testing.T) {
	const lock = 400 * time.Millisecond
	b, c := newBroker(t, lock, 10), newControl(t)
	b.send(t, "one", 1)
	start(t, c, on(b, nil))
	got := c.next(t)
	select {
	case <-c.calls:
		t.Error("delivered again while it is worked on")
	case <-time.After(3 * lock): // the broker's locks run in real time
	}
	got.answer <- "ok"
	b.becomes(t, "one", "completed under its first lock", func(s servicebus.QueueStats) bool {
		return s.Completed == 1 && s.Delivered == 1 && s.LocksExpired == 0
	})
}

func TestLockRunsOutAfterTheLongestRenewal(t *testing.T) {
	b, c := newBroker(t, 300*time.Millisecond, 10), newControl(t)
	b.send(t, "one", 1)
	start(t, c, on(b, func(cfg *Config) {
		cfg.App = app(`{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"},"enableProxyingHttpRequest":true},` +
			`"extensions":{"serviceBus":{"maxConcurrentCalls":2,"maxAutoLockRenewalDuration":"00:00:00.2"}}}`)
	}))
	first := c.next(t)
	second := c.next(t)
	if first.IDs[0] != second.IDs[0] || second.Count != 2 {
		t.Errorf("got %+v, then %+v; want a redelivery", first, second)
	}
	first.answer <- "ok" // too late: its lock is lost
	second.answer <- "ok"
	b.becomes(t, "one", "completed once", func(s servicebus.QueueStats) bool { return s.Completed == 1 && s.Active+s.Locked == 0 })
}

// TestRenew is the renewal's timing on a false clock.
func TestRenew(t *testing.T) {
	lost := &azservicebus.Error{Code: azservicebus.CodeLockLost}
	for _, c := range []struct {
		name   string
		lock   time.Duration
		limit  time.Duration
		runFor time.Duration
		fail   map[int]error // by attempt
		want   []time.Duration
		lost   bool
	}{
		{"10 s before a long lock ends", time.Minute, time.Hour, 2 * time.Minute, nil, []time.Duration{50 * time.Second, 100 * time.Second}, false},
		{"at half of a short lock", 10 * time.Second, time.Hour, 16 * time.Second, nil, []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second}, false},
		{"no longer than the limit", time.Minute, time.Minute, time.Hour, nil, []time.Duration{50 * time.Second}, false},
		{"ends when the lock is lost", time.Minute, time.Hour, time.Hour, map[int]error{0: lost}, []time.Duration{50 * time.Second}, true},
		{
			"tries again after a moment's fault", time.Minute, time.Hour, 100 * time.Second,
			map[int]error{0: errors.New("link detached")},
			[]time.Duration{50 * time.Second, 50*time.Second + 100*time.Millisecond + 4950*time.Millisecond},
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				until := begin.Add(c.lock)
				var got []time.Duration
				ctx, cancel := context.WithTimeout(t.Context(), c.runFor)
				defer cancel()
				err := renew(ctx, c.limit, func() *time.Time { return &until }, func(context.Context) error {
					n := len(got)
					got = append(got, time.Since(begin))
					if err := c.fail[n]; err != nil {
						return err
					}
					until = time.Now().Add(c.lock)
					return nil
				})
				if (err != nil) != c.lost {
					t.Errorf("ended with %v", err)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("renewed at %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestTrap09KilledWorkerLosesNothing: SIGKILL in the middle of a message, without warning.
func TestTrap09KilledWorkerLosesNothing(t *testing.T) {
	b, c := newBroker(t, time.Minute, 10), newControl(t)
	b.send(t, "one", 1)
	start(t, c, on(b, nil))
	// Five kills go beyond the third crash. Each costs the message one delivery, no more:
	// it does not come back before the host knows that the worker is dead.
	for n := 1; n <= 5; n++ {
		got := c.next(t)
		if got.Count != n || got.IDs[0] != "0" {
			t.Errorf("kill %d: got %+v", n, got)
		}
		if err := syscall.Kill(got.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-got.gone
	}
	c.next(t).answer <- "ok"
	b.becomes(t, "one", "completed", func(s servicebus.QueueStats) bool { return s.Completed == 1 && s.Locked == 0 })
}

// TestQueuesGoOnThroughCrashesAndReplacedHosts: every message crashes its worker once; the
// host instance is replaced over and over, and all of them get through.
func TestQueuesGoOnThroughCrashesAndReplacedHosts(t *testing.T) {
	const n = 8
	b, c := newBroker(t, time.Minute, 100), newControl(t)
	var mu sync.Mutex
	crashed := map[string]bool{}
	hosts := map[string]bool{}
	c.always(t, func(got *call) string {
		mu.Lock()
		defer mu.Unlock()
		hosts[got.WorkerID] = true
		if !crashed[got.IDs[0]] {
			crashed[got.IDs[0]] = true
			return "exit 3"
		}
		return "ok"
	})
	b.send(t, "one", n)
	start(t, c, on(b, nil))
	b.becomes(t, "one", "all completed", func(s servicebus.QueueStats) bool { return s.Completed == n && s.DeadLettered == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(hosts) < 2 {
		t.Errorf("%d hosts for %d crashes; the third crash ends one", len(hosts), n)
	}
}

func TestReceiversSurviveABrokenConnection(t *testing.T) {
	b, c := newBroker(t, time.Minute, 10), newControl(t)
	var handled atomic.Int64
	c.always(t, func(*call) string { handled.Add(1); return "ok" })
	start(t, c, on(b, nil))
	b.send(t, "one", 2)
	b.becomes(t, "one", "completed", func(s servicebus.QueueStats) bool { return s.Completed == 2 })
	b.DropConnections()
	b.send(t, "one", 3)
	b.becomes(t, "one", "completed after the break", func(s servicebus.QueueStats) bool { return s.Completed == 5 })
}

func TestStopAbandonsWhatIsInFlight(t *testing.T) {
	b, c := newBroker(t, time.Minute, 10), newControl(t)
	b.send(t, "one", 2)
	h, err := Start(t.Context(), config(t, c, on(b, nil)))
	if err != nil {
		t.Fatal(err)
	}
	first, second := c.next(t), c.next(t)
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-first.gone
	<-second.gone
	if s := b.stats(t, "one"); s.Active != 2 || s.Locked != 0 || s.Abandoned != 2 {
		t.Errorf("after Stop: %+v; want both messages back at once", s)
	}
}

func TestConnectionStringIsNotLogged(t *testing.T) {
	if got := hostOf("Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=s=="); got != "ns.servicebus.windows.net" {
		t.Errorf("host %q", got)
	}
	c := newControl(t)
	lines := &logLines{}
	h := start(t, c, func(cfg *Config) {
		cfg.ServiceBus, cfg.Logger = "SharedAccessKey=hush", lines.logger()
	})
	eventually(t, "a complaint", func() bool { return lines.contains("no usable connection string") })
	if lines.contains("hush") {
		t.Error("the key is in the log")
	}
	_ = h
}

func TestSlotWaitsForTheNextInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slot{changed: make(chan struct{})}
		instanceOf := func() *instance {
			ctx, cancel := context.WithCancel(t.Context())
			return &instance{done: make(chan struct{}), ready: make(chan struct{}), ctx: ctx, cancel: cancel}
		}
		old := instanceOf()
		s.put(old)
		if got, err := s.alive(t.Context()); got != old || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		old.end()
		got := make(chan *instance, 1)
		go func() {
			i, _ := s.alive(t.Context())
			got <- i
		}()
		synctest.Wait()
		if len(got) != 0 {
			t.Error("did not wait")
		}
		next := instanceOf()
		s.put(next)
		if i := <-got; i != next {
			t.Errorf("got %v", i)
		}
		next.end()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.alive(ctx); err == nil {
			t.Error("waits without end")
		}
	})
}
