package eventgrid

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options of delivery; the zero value is the service's behaviour without dead-lettering.
type Options struct {
	// Backoff is the wait before attempt n+1, n = 1, 2, …; default Backoff.
	Backoff func(attempt int) time.Duration
	// DeadLetter receives what could not be delivered; nil drops it with a log line.
	DeadLetter func(ctx context.Context, d DeadLetter) error
	// Parallel bounds simultaneous deliveries of one subscription; 0 is 16.
	Parallel int
	Chaos    Chaos
	Log      *slog.Logger     // default discards
	Now      func() time.Time // default time.Now; event ages and time-to-live
}

// Backoff is the service's schedule: 10 s, 30 s, 1, 5, 10, 30 minutes, 1, 3, 6 hours,
// then every 12 hours.
func Backoff(attempt int) time.Duration {
	steps := [...]time.Duration{
		10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute,
		30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
	}
	if attempt < 1 || attempt > len(steps) {
		return 12 * time.Hour
	}
	return steps[attempt-1]
}

// attemptTimeout is how long the service waits for an acknowledgement.
const attemptTimeout = 30 * time.Second

func (o *Options) setDefaults() {
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the real clock is the default
	}
}

// deliverer fans events out to subscriptions and repeats what fails. Each delivery is a
// goroutine, owned by it and ended by close.
type deliverer struct {
	opt  Options
	subs []*subscriber
	ctx  context.Context // of all deliveries; ended by stop
	stop context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	pending int
	idle    chan struct{} // closed while nothing is pending
	closed  bool
}

type subscriber struct {
	Subscription
	slots chan struct{}
	next  uint64 // ordinal of the next event, guarded by the deliverer's mutex
}

func newDeliverer(ctx context.Context, subs []Subscription, opt Options) (*deliverer, error) {
	opt.setDefaults()
	d := &deliverer{opt: opt, idle: make(chan struct{})}
	close(d.idle)
	for _, s := range subs {
		s, err := s.withDefaults()
		if err != nil {
			return nil, err
		}
		d.subs = append(d.subs, &subscriber{Subscription: s, slots: make(chan struct{}, opt.Parallel)})
	}
	d.ctx, d.stop = context.WithCancel(ctx)
	return d, nil
}

// errClosed: the topic takes no more events.
var errClosed = errors.New("event grid emulator is closed")

// publish accepts an event; its deliveries go on after it returns.
func (d *deliverer) publish(e Event) error {
	published := d.opt.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	for _, s := range d.subs {
		if !s.Filter.match(e) {
			continue
		}
		delays := d.opt.Chaos.plan(s.Name, s.next)
		s.next++
		if len(delays) == 0 {
			d.opt.Log.Info("event lost on purpose", "subscription", s.Name, "event_id", e.ID, "subject", e.Subject)
		}
		for _, delay := range delays {
			if d.pending == 0 {
				d.idle = make(chan struct{})
			}
			d.pending++
			d.all.Go(func() {
				defer d.done()
				d.deliver(s, e, published, delay)
			})
		}
	}
	return nil
}

func (d *deliverer) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	if d.pending == 0 {
		close(d.idle)
	}
}

// deliver tries until the event is taken, is too old or has been tried too often.
func (d *deliverer) deliver(s *subscriber, e Event, published time.Time, delay time.Duration) {
	if !pause(d.ctx, delay) {
		return
	}
	for attempt := 1; ; attempt++ {
		err := d.attempt(s, e)
		if err == nil || d.ctx.Err() != nil {
			return
		}
		last := DeadLetter{
			Subscription: s.Name, Event: e, Attempts: attempt, Result: err.Error(), Published: published, LastAttempt: d.opt.Now(),
		}
		if attempt >= s.MaxAttempts {
			last.Reason = ReasonMaxAttempts
			d.deadLetter(last)
			return
		}
		next := d.opt.Backoff(attempt)
		if last.LastAttempt.Add(next).Sub(published) >= s.TTL {
			last.Reason = ReasonTTL
			d.deadLetter(last)
			return
		}
		d.opt.Log.Warn("event delivery will be retried", "subscription", s.Name, "event_id", e.ID,
			"attempt", attempt, "wait", next, "error", err)
		if !pause(d.ctx, next) {
			return
		}
	}
}

// attempt delivers once; a destination that panics has failed like any other.
func (d *deliverer) attempt(s *subscriber, e Event) (err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(d.ctx, attemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("destination panicked: %v", p)
		}
	}()
	return s.Destination(ctx, e)
}

// wait returns when nothing is pending.
func (d *deliverer) wait(ctx context.Context) error {
	d.mu.Lock()
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends all deliveries. What was pending is lost, as when a machine is switched off.
func (d *deliverer) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.all.Wait()
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, t time.Duration) bool {
	if t <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
