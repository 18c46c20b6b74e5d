package azfunc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/shared/event"
)

// invocation is what the steps around a handler know and learn about one request.
type invocation struct {
	id          string
	name        string
	function    function
	traceParent string // of the request's header; a message's own property wins
	body        []byte
	deliveries  []Delivery

	handle      func(context.Context) error             // Event Grid, timer
	handleBatch func(context.Context, []Delivery) error // Service Bus
	serve       func(context.Context) int               // HTTP: answers itself, returns the status
}

// verdict is the answer to the host and the reason for it.
type verdict struct {
	status  int
	outcome string // ok, permanent, transient, undecodable, panic; HTTP: answered
	err     error
}

type step func(context.Context, *invocation) verdict

// chain is the one place where the order of the steps is decided:
//
//   - recover is outermost: a panic in any step costs one invocation, never the process;
//   - log sees every verdict, also that of an envelope that could not be read;
//   - correlate reads the envelope, so that all steps inside it speak of run and message;
//   - deadline bounds the handler and the wait that classify adds;
//   - classify turns the handler's error into an answer;
//   - dispatch calls the handler.
func (a *App) chain(stopping <-chan struct{}) step {
	return a.recovered(a.logged(a.correlate(a.bounded(a.classify(stopping)))))
}

// recovered is the last net. A handler's own panic is caught where it is dispatched, so that
// it is classified like any error.
func (a *App) recovered(next step) step {
	return func(ctx context.Context, inv *invocation) (v verdict) {
		defer func() {
			if p := recover(); p != nil {
				a.Log.ErrorContext(ctx, "invocation panicked", "function", inv.name, "invocation_id", inv.id,
					"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				v = verdict{status: http.StatusInternalServerError, outcome: "panic"}
			}
		}()
		return next(ctx, inv)
	}
}

func (a *App) logged(next step) step {
	return func(ctx context.Context, inv *invocation) verdict {
		start := a.Now()
		v := next(ctx, inv)
		attrs := append(inv.attrs(),
			slog.String("outcome", v.outcome),
			slog.Int("status", v.status),
			slog.Duration("duration", a.Now().Sub(start)))
		level := slog.LevelInfo
		if v.err != nil {
			attrs = append(attrs, slog.String("error", v.err.Error()))
			level = slog.LevelWarn // the host tries again
			if reason := event.ReasonOf(v.err); reason != "" {
				attrs = append(attrs, slog.String("reason", reason))
			}
			if p, ok := errors.AsType[*panicError](v.err); ok {
				attrs = append(attrs, slog.String("stack", string(p.stack)))
			}
			if v.outcome != "transient" {
				level = slog.LevelError
			}
		}
		a.Log.LogAttrs(ctx, level, "invocation ended", attrs...)
		return v
	}
}

// attrs are the identities of an invocation, under the same keys everywhere.
func (inv *invocation) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("function", inv.name), slog.String("invocation_id", inv.id)}
	switch n := len(inv.deliveries); {
	case n == 1:
		d := inv.deliveries[0]
		attrs = append(attrs, slog.String("message_id", d.ID), slog.Int("delivery_count", d.Count))
	case n > 1:
		attrs = append(attrs, slog.Int("messages", n), slog.Int("delivery_count", inv.deliveryCount()))
	}
	if id := inv.runID(); id != "" {
		attrs = append(attrs, slog.String("run_id", id))
	}
	return attrs
}

// runID is the run that all deliveries belong to, or "" when they differ.
func (inv *invocation) runID() string {
	id := ""
	for i, d := range inv.deliveries {
		if i > 0 && d.RunID != id {
			return ""
		}
		id = d.RunID
	}
	return id
}

// deliveryCount is that of the message that was delivered most often.
func (inv *invocation) deliveryCount() int {
	n := 0
	for _, d := range inv.deliveries {
		n = max(n, d.Count)
	}
	return n
}

func (a *App) correlate(next step) step {
	return func(ctx context.Context, inv *invocation) verdict {
		if inv.serve == nil {
			e, err := decodeEnvelope(inv.body)
			if err == nil {
				err = inv.function.decode(inv, e)
			}
			inv.body = nil // the decoded form is all that is needed from here on
			if err != nil {
				return verdict{status: http.StatusInternalServerError, outcome: "undecodable", err: err}
			}
		}
		trace := inv.traceParent
		if len(inv.deliveries) > 0 && inv.deliveries[0].TraceParent != "" {
			trace = inv.deliveries[0].TraceParent
		}
		if validTraceParent(trace) {
			ctx = event.WithTraceParent(ctx, trace)
		}
		return next(withAttrs(ctx, inv.attrs()), inv)
	}
}

func (a *App) bounded(next step) step {
	return func(ctx context.Context, inv *invocation) verdict {
		limit := a.Deadlines.HTTP
		if inv.serve == nil {
			limit = inv.function.deadline(a.Deadlines)
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, inv)
	}
}

// classify decides what the host is told.
//
// A permanent error is answered as success, because the host would only try again: for
// Event Grid the handler has recorded it already, for a message OnPermanent does. Any other
// error is a failure, and a message's failure is held back under its lock first: the host
// abandons at once, and ten immediate deliveries would dead-letter it within seconds.
func (a *App) classify(stopping <-chan struct{}) step {
	return func(ctx context.Context, inv *invocation) verdict {
		if inv.serve != nil {
			return verdict{status: inv.serve(ctx), outcome: "answered"}
		}
		var err error
		if inv.handleBatch != nil {
			err = a.dispatchMessages(ctx, inv, inv.deliveries)
		} else {
			err = safely(func() error { return inv.handle(ctx) })
		}
		switch {
		case err == nil:
			return verdict{status: http.StatusOK, outcome: "ok"}
		case event.IsPermanent(err) && inv.handleBatch != nil:
			return verdict{status: http.StatusOK, outcome: "permanent", err: err} // all recorded
		case event.IsPermanent(err) && inv.function.trigger == functions.EventGrid:
			return verdict{status: http.StatusOK, outcome: "permanent", err: err}
		case inv.handleBatch != nil:
			a.holdBack(ctx, stopping, inv.deliveryCount())
		}
		return verdict{status: http.StatusInternalServerError, outcome: "transient", err: err}
	}
}

// dispatchMessages calls the handler and isolates the messages that fail permanently. The
// result is permanent only when every failure in it was recorded by OnPermanent.
func (a *App) dispatchMessages(ctx context.Context, inv *invocation, batch []Delivery) error {
	err := safely(func() error { return inv.handleBatch(ctx, batch) })
	if !event.IsPermanent(err) {
		return err
	}
	if len(batch) > 1 {
		return worst([]error{
			a.dispatchMessages(ctx, inv, batch[:len(batch)/2]),
			a.dispatchMessages(ctx, inv, batch[len(batch)/2:]),
		})
	}
	if a.OnPermanent == nil {
		return unrecorded(err, errors.New("nothing records permanent failures"))
	}
	if recordErr := safely(func() error { return a.OnPermanent(ctx, inv.name, batch[0], err) }); recordErr != nil {
		return unrecorded(err, recordErr)
	}
	return err
}

// unrecorded keeps the texts but no permanent mark, neither the handler's nor the
// recorder's, so that the message is delivered again.
func unrecorded(err, cause error) error {
	return errors.New("permanent failure (" + event.ReasonOf(err) + ": " + err.Error() + ") not recorded: " + cause.Error())
}

// worst joins errors such that the result is permanent only if all of them are: one
// transient failure is worth another delivery of the whole.
func worst(errs []error) error {
	for _, err := range errs {
		if err != nil && !event.IsPermanent(err) {
			return err
		}
	}
	return errors.Join(errs...)
}

// holdBack waits min(60 s, 2^deliveries s), or until the invocation's deadline or the
// process's end comes near.
func (a *App) holdBack(ctx context.Context, stopping <-chan struct{}, deliveries int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	a.Wait(ctx, RetryWait(deliveries))
}

// RetryWait is how long a message that was delivered n times is held before it is given
// back.
func RetryWait(n int) time.Duration {
	const most = time.Minute
	if n >= 6 {
		return most
	}
	return min(most, time.Second<<max(n, 0))
}

// panicError is a handler's panic as an ordinary, transient error: the delivery is held
// back, tried again, and dead-lettered by the broker if it never succeeds.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.value) }

func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return f()
}
