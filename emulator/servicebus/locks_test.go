package servicebus_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func TestLockExpires(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", LockDuration: 5 * time.Minute, MaxDeliveryCount: 2})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	r := receiver(t, c, "q", nil)
	first := one(ctx, t, r)
	s.Clock.Advance(4 * time.Minute)
	if st := stats(t, s, "q"); st.Locked != 1 {
		t.Fatalf("after 4 of 5 minutes: %+v", st)
	}
	s.Clock.Advance(time.Minute + time.Second)
	if st := stats(t, s, "q"); st.Active != 1 || st.LocksExpired != 1 {
		t.Fatalf("after the lock: %+v", st)
	}
	wantCode(t, r.CompleteMessage(ctx, first, nil), azservicebus.CodeLockLost)
	wantCode(t, r.RenewMessageLock(ctx, first, nil), azservicebus.CodeLockLost)
	second := one(ctx, t, r)
	if second.DeliveryCount != 2 {
		t.Errorf("delivery %d, want 2", second.DeliveryCount)
	}
	s.Clock.Advance(6 * time.Minute)
	m := one(ctx, t, deadLetters(t, c, "q"))
	if *m.DeadLetterReason != "MaxDeliveryCountExceeded" {
		t.Errorf("reason %s", *m.DeadLetterReason)
	}
}

func TestExpiredLockWakesWaitingReceiver(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	send(ctx, t, sender(t, connect(t, s), "q"), "x")
	one(ctx, t, receiver(t, connect(t, s), "q", nil)) // and never settled
	got := make(chan *azservicebus.ReceivedMessage, 1)
	r := receiver(t, connect(t, s), "q", nil)
	go func() {
		ms, err := r.ReceiveMessages(ctx, 1, nil)
		if err != nil || len(ms) != 1 {
			close(got)
			return
		}
		got <- ms[0]
	}()
	s.Clock.Advance(2 * time.Minute)
	if m := <-got; m == nil || m.DeliveryCount != 2 {
		t.Errorf("waiting receiver got %+v", m)
	}
}

func TestRenewLock(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	r := receiver(t, c, "q", nil)
	m := one(ctx, t, r)
	for range 10 {
		s.Clock.Advance(50 * time.Second)
		before := *m.LockedUntil
		must(t, r.RenewMessageLock(ctx, m, nil))
		if d := m.LockedUntil.Sub(before); d < 49*time.Second || d > 55*time.Second {
			t.Fatalf("renewed by %v", d)
		}
	}
	must(t, r.CompleteMessage(ctx, m, nil))
	if st := stats(t, s, "q"); st.Completed != 1 || st.LocksExpired != 0 {
		t.Errorf("%+v", st)
	}
}

func TestClosedReceiverKeepsLocks(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	r := receiver(t, c, "q", nil)
	m := one(ctx, t, r)
	must(t, r.Close(ctx))
	if st := stats(t, s, "q"); st.Locked != 1 {
		t.Fatalf("after close: %+v", st)
	}
	// Another receiver can settle it by its token while the lock lasts.
	must(t, receiver(t, c, "q", nil).CompleteMessage(ctx, byToken(m), nil))
}

func TestConnectionDrop(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 30*time.Second)
	c := connect(t, s)
	snd, r := sender(t, c, "q"), receiver(t, c, "q", nil)
	send(ctx, t, snd, "a", "b")
	one(ctx, t, r)
	s.DropConnections()
	// The client recovers by itself; the locked message stays locked until its time.
	ms := some(ctx, t, r, 1)
	if string(ms[0].Body) != "b" {
		t.Fatalf("got %s", ms[0].Body)
	}
	send(ctx, t, snd, "c")
	s.Clock.Advance(2 * time.Minute)
	ms = some(ctx, t, r, 3)
	if len(ms) != 3 || string(ms[0].Body) != "a" || ms[0].DeliveryCount != 2 {
		t.Fatalf("%d messages", len(ms))
	}
}

func TestManyReceiversGetEachMessageOnce(t *testing.T) {
	const n, receivers = 2000, 8
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx, stop := context.WithCancel(within(t, 30*time.Second))
	defer stop()
	shared := connect(t, s)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for i := range receivers {
		c := shared // half of them share a connection
		if i%2 == 0 {
			c = connect(t, s)
		}
		r := receiver(t, c, "q", nil)
		wg.Go(func() {
			for {
				ms, err := r.ReceiveMessages(ctx, 10, nil)
				if err != nil {
					return
				}
				for _, m := range ms {
					if err := r.CompleteMessage(ctx, m, nil); err != nil {
						t.Errorf("complete: %v", err)
					}
					mu.Lock()
					seen[m.MessageID]++
					if len(seen) == n {
						stop()
					}
					mu.Unlock()
				}
			}
		})
	}
	sendMany(ctx, t, sender(t, connect(t, s), "q"), n)
	wg.Wait()
	for id, k := range seen {
		if k != 1 {
			t.Errorf("message %s came %d times", id, k)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d messages", len(seen), n)
	}
}

// A client that asks for everything and reads nothing costs the buffers of its connection
// and no more, and the other receivers go on.
func TestSilentClientStopsNobody(t *testing.T) {
	const n, size = 200, 200 << 10
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 30*time.Second)
	snd := sender(t, connect(t, s), "q")
	body := make([]byte, size)
	for range n {
		must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: body}, nil))
	}
	silent := newRaw(t, s)
	must(t, silent.nc.(*net.TCPConn).SetReadBuffer(64<<10))
	silent.receive("q", 0)
	silent.flow(1_000_000, false)
	silent.expect(amqp.CodeTransfer) // it is being served
	r := receiver(t, connect(t, s), "q", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	if st := stats(t, s, "q"); st.Locked > n/2 || st.Active == 0 {
		t.Errorf("%d of %d messages are with the client that reads nothing", st.Locked, n)
	}
}

func TestCloseTellsClients(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	must(t, s.Close())
	must(t, s.Close())
	if st := stats(t, s, "q"); st.Active != 1 {
		t.Errorf("stats after close: %+v", st)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	if err := s.Serve(ln); !errors.Is(err, servicebus.ErrClosed) {
		t.Errorf("serve after close: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	_, err := servicebus.New(servicebus.Config{Queues: []servicebus.Queue{
		{Name: ""},
		{Name: "a"},
		{Name: "A"},
		{Name: "b$"},
		{Name: "/c"},
		{Name: "lock", LockDuration: 6 * time.Minute},
		{Name: "deliveries", MaxDeliveryCount: -1},
		{Name: "window", DuplicateWindow: -1},
		{Name: "message", MaxMessageSize: 101 << 20},
		{Name: "size", MaxSize: -1},
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`queue name ""`, "queue A is configured twice", `"b$"`, `"/c"`, "queue lock: lock duration 6m0s",
		"queue deliveries:", "queue window:", "queue message:", "queue size:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}
