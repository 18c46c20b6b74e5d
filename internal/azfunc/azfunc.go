// Package azfunc speaks the Azure Functions custom-handler protocol: the host starts this
// process, posts one JSON envelope per invocation to /<function> and judges the answer.
//
// Everything that surprises in that protocol is dealt with here, once: strings that are
// encoded twice, answers that hang the host when they are empty, exit codes that stop
// restarts. A function is a plain Go function of a decoded delivery; its error is the
// verdict. Delivery is at least once, and the process may be killed at any instruction, so
// every function must be idempotent.
package azfunc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/skucast/skucast/functions"
)

// App holds the functions and what they share. Create it with New, register every
// function, then Serve.
type App struct {
	// Log receives one record per invocation and what goes wrong around it.
	Log *slog.Logger

	// Deadlines bound each kind of invocation from inside.
	Deadlines Deadlines

	// OnPermanent records a Service Bus delivery that no redelivery can mend, for example by
	// marking its run as failed. When it is nil or fails, the delivery is answered as a
	// failure, redelivered, and dead-lettered by the broker in the end.
	OnPermanent func(ctx context.Context, function string, d Delivery, err error) error

	// Wait blocks for d or until ctx ends. It exists for tests; New sets a real timer.
	Wait func(ctx context.Context, d time.Duration)

	// Now is the clock of the log's durations; New sets time.Now.
	Now func() time.Time

	// MaxBody bounds a request's body in bytes; New sets 64 MiB, which is room for a batch
	// of 1,000 messages far larger than ours.
	MaxBody int64

	// Drain is how long Serve lets invocations finish after its context ended; New sets 10 s,
	// what the host itself waits for listeners to stop.
	Drain time.Duration

	functions map[string]function
	http      http.Handler
	httpName  string
}

// Deadlines are the app's own limits. They lie below the host's, because an invocation that
// overruns the host's limit has the whole process killed with every other invocation in it.
type Deadlines struct {
	EventGrid time.Duration // Event Grid gives up after 30 s
	Queue     time.Duration // functionTimeout and lock renewal end at 30 and 35 min
	Batch     time.Duration // a batch's locks are not renewed: 5 min with the wait of up to 60 s
	Timer     time.Duration // the next tick comes after 5 min
	HTTP      time.Duration // the front end of Azure closes a request after 230 s
}

// DefaultDeadlines fit host.json and the queues' lock of 5 minutes.
func DefaultDeadlines() Deadlines {
	return Deadlines{
		EventGrid: 20 * time.Second,
		Queue:     25 * time.Minute,
		Batch:     210 * time.Second,
		Timer:     270 * time.Second,
		HTTP:      225 * time.Second,
	}
}

// function is one registered trigger: decode turns the envelope into the handler's input
// and returns the handler as a closure over it.
type function struct {
	trigger  string
	many     bool
	deadline func(Deadlines) time.Duration
	decode   func(*invocation, envelope) error
}

// New returns an app without functions.
func New(log *slog.Logger) *App {
	return &App{
		Log:       log,
		Deadlines: DefaultDeadlines(),
		Wait:      wait,
		Now:       time.Now, //nolint:forbidigo // the default of an injectable clock
		MaxBody:   64 << 20,
		Drain:     10 * time.Second,
		functions: map[string]function{},
	}
}

func (a *App) register(name string, f function) {
	if _, taken := a.functions[name]; taken || name == "" || name == a.httpName {
		panic("azfunc: function name is empty or registered twice")
	}
	a.functions[name] = f
}

// EventGrid registers a function of one event, in the schema that the subscription
// delivers. Several events in one delivery are handled one after the other.
func (a *App) EventGrid(name string, handle func(context.Context, json.RawMessage) error) {
	a.register(name, function{
		trigger:  functions.EventGrid,
		deadline: func(d Deadlines) time.Duration { return d.EventGrid },
		decode: func(inv *invocation, e envelope) error {
			events, err := e.events()
			inv.handle = func(ctx context.Context) error {
				var errs []error
				for _, event := range events {
					errs = append(errs, handle(ctx, event))
				}
				return worst(errs)
			}
			return err
		},
	})
}

// Queue registers a function of one Service Bus message.
func (a *App) Queue(name string, handle func(context.Context, Delivery) error) {
	a.register(name, function{
		trigger:  functions.ServiceBus,
		deadline: func(d Deadlines) time.Duration { return d.Queue },
		decode: func(inv *invocation, e envelope) error {
			d, err := e.delivery()
			inv.deliveries = []Delivery{d}
			inv.handleBatch = func(ctx context.Context, batch []Delivery) error { return handle(ctx, batch[0]) }
			return err
		},
	})
}

// Batch registers a function of many Service Bus messages, which the host completes or
// abandons together. A batch that fails permanently is halved until the messages to blame
// stand alone, so that one of them does not condemn the others.
func (a *App) Batch(name string, handle func(context.Context, []Delivery) error) {
	a.register(name, function{
		trigger:  functions.ServiceBus,
		many:     true,
		deadline: func(d Deadlines) time.Duration { return d.Batch },
		decode: func(inv *invocation, e envelope) error {
			batch, err := e.deliveries()
			inv.deliveries = batch
			inv.handleBatch = handle
			return err
		},
	})
}

// Timer registers a function of a schedule.
func (a *App) Timer(name string, handle func(context.Context, Timer) error) {
	a.register(name, function{
		trigger:  functions.Timer,
		deadline: func(d Deadlines) time.Duration { return d.Timer },
		decode: func(inv *invocation, e envelope) error {
			tick, err := e.timer()
			inv.handle = func(ctx context.Context) error { return handle(ctx, tick) }
			return err
		},
	})
}

// HTTP registers the one function that the host proxies to; it serves every path under
// /api/ and nothing else.
func (a *App) HTTP(name string, h http.Handler) {
	if _, taken := a.functions[name]; taken || name == "" || a.http != nil {
		panic("azfunc: HTTP function is unnamed or registered twice")
	}
	a.http, a.httpName = h, name
}

// Check compares what is registered with the function.json files. A function without a
// handler would fail on its first event, a handler without a function would never run.
func (a *App) Check(all []functions.Function) error {
	var errs []error
	declared := map[string]bool{}
	for _, f := range all {
		declared[f.Name] = true
		if f.Trigger.Type == functions.HTTP {
			if f.Name != a.httpName {
				errs = append(errs, fmt.Errorf("%s/function.json: no HTTP handler of that name", f.Name))
			}
			continue
		}
		switch got, ok := a.functions[f.Name]; {
		case !ok:
			errs = append(errs, fmt.Errorf("%s/function.json: no handler of that name", f.Name))
		case got.trigger != f.Trigger.Type:
			errs = append(errs, fmt.Errorf("%s/function.json: trigger %s, but its handler takes %s", f.Name, f.Trigger.Type, got.trigger))
		case got.trigger == functions.ServiceBus && got.many != f.Trigger.Many():
			errs = append(errs, fmt.Errorf("%s/function.json: cardinality many is %t, but its handler takes many: %t", f.Name, f.Trigger.Many(), got.many))
		}
	}
	for _, name := range a.names() {
		if !declared[name] {
			errs = append(errs, fmt.Errorf("handler %s has no function.json", name))
		}
	}
	return errors.Join(errs...)
}

func (a *App) names() []string {
	names := make([]string, 0, len(a.functions)+1)
	for name := range a.functions {
		names = append(names, name)
	}
	if a.httpName != "" {
		names = append(names, a.httpName)
	}
	slices.Sort(names)
	return names
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
