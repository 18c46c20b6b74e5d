package functionshost

import (
	"context"
	"time"

	"github.com/skucast/skucast/functions"
)

// scheduleStatus is what the host stores about a monitored schedule and shows at the next
// tick: the tick before, and when this one was due.
type scheduleStatus struct{ last, next time.Time }

// shortestMonitored: schedules under a minute are never monitored.
const shortestMonitored = time.Minute

// tick fires a timer function, which is a singleton over all instances, until ctx ends. The
// next occurrence is drawn when an invocation is over, so ticks never overlap.
func (h *Host) tick(ctx context.Context, f functions.Function) {
	override, overridden := h.cfg.Timers[f.Name]
	sched, err := parseSchedule(f.Trigger.Schedule)
	if overridden {
		sched, err = every(override), nil
	}
	if err != nil {
		return // unreachable: checked at the start
	}
	t := timer{
		schedule: sched,
		atStart:  h.cfg.TimersAtStart || f.Trigger.RunOnStartup,
		monitor:  f.Trigger.UseMonitor == nil || *f.Trigger.UseMonitor,
		now:      h.cfg.Now,
		fire: func(status *scheduleStatus, pastDue bool) {
			body := timerPayload(f, status, pastDue, h.cfg.Now())
			i := h.pick()
			if i == nil {
				h.cfg.Logger.WarnContext(ctx, "timer missed: no host instance is up", "function", f.Name)
				return
			}
			if err := i.invoke(f, body); err != nil && ctx.Err() == nil {
				h.cfg.Logger.WarnContext(ctx, "timer invocation failed", "function", f.Name, "error", err.Error())
			}
		},
	}
	t.run(ctx)
}

// timer is the loop of one schedule, apart from hosts and workers.
type timer struct {
	schedule schedule
	atStart  bool
	monitor  bool
	now      func() time.Time
	fire     func(status *scheduleStatus, pastDue bool)
}

func (t timer) run(ctx context.Context) {
	now := t.now()
	due := t.schedule.next(now)
	status := &scheduleStatus{next: due}
	if after := t.schedule.next(due); !t.monitor || after.Sub(due) < shortestMonitored {
		status = nil
	}
	if t.atStart {
		t.fire(status, false)
		due = t.record(status, now)
	}
	for {
		pause(ctx, due.Sub(t.now()))
		if ctx.Err() != nil {
			return
		}
		now = t.now()
		t.fire(status, false)
		due = t.record(status, now)
	}
}

// record notes the tick at the given time and returns when the next one is due.
func (t timer) record(status *scheduleStatus, at time.Time) time.Time {
	due := t.schedule.next(t.now())
	if status != nil {
		status.last, status.next = at, due
	}
	return due
}
