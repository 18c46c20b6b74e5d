package run

import (
	"fmt"
	"testing"
	"time"
)

// now is the tick of every case; ago is relative to it.
var now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func plan(units int) *Plan { return &Plan{V: 1, Units: units} }

func doneUnits(units int, done ...int) State {
	s := State{V: 1, Units: units, Done: NewBitset(units)}
	for _, u := range done {
		if err := s.Finish(u); err != nil {
			panic(err)
		}
	}
	return s
}

func resent(s State, phase string, attempt int, r Resend) State {
	s.Attempts = map[string]int{phase: attempt}
	s.Resent = map[string]Resend{phase: r}
	return s
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	const quarter = 15 * time.Minute
	cases := []struct {
		name  string
		found Found
		want  string // "" is nothing to do
	}{
		{"claimed, job never submitted", Found{Result: ago(time.Second)}, "submit"},
		{"job runs", Found{HasETL: true, Job: Job{State: JobRunning}, Result: ago(time.Hour)}, ""},
		{"job unknown to a restarted service", Found{HasETL: true, Job: Job{State: JobUnknown}}, "submit"},
		{"job failed", Found{HasETL: true, Job: Job{State: JobFailed, Reason: "missing_column"}}, "fail missing_column"},
		{"job succeeded without a manifest", Found{HasETL: true, Job: Job{State: JobSucceeded}}, "fail etl_without_manifest"},
		{"manifest, event on its way", Found{HasManifest: true, Result: ago(time.Minute)}, ""},
		{"manifest, event lost", Found{HasManifest: true, Result: ago(quarter)}, "send plan-training ~1"},
		{
			"planning brought a slice since the third resend",
			Found{HasManifest: true, Slices: 2, Result: ago(quarter), State: resent(State{}, PhasePlan, 3, Resend{At: ago(time.Hour), Done: 1, Stalled: 3})},
			"send plan-training ~4",
		},
		{"another run computes the same", Found{HasManifest: true, Waiting: true, Result: ago(time.Hour)}, ""},
		{
			"units missing, one came in lately",
			Found{HasManifest: true, Plan: plan(3), State: doneUnits(3, 0), Result: ago(time.Minute)},
			"",
		},
		{
			"units missing, quiet",
			Found{HasManifest: true, Plan: plan(3), State: doneUnits(3, 1), Result: ago(quarter)},
			"send train-sku ~1 [0 2]",
		},
		{
			"units missing, but an older run is being served",
			Found{HasManifest: true, Plan: plan(3), State: doneUnits(3), Result: ago(time.Hour), OlderResult: ago(time.Minute)},
			"",
		},
		{
			"resent a minute ago",
			Found{
				HasManifest: true, Plan: plan(2), Result: ago(time.Hour),
				State: resent(doneUnits(2), PhaseTrain, 1, Resend{At: ago(time.Minute), Stalled: 1}),
			},
			"",
		},
		{
			"third resend brought nothing",
			Found{
				HasManifest: true, Plan: plan(2), Result: ago(time.Hour),
				State: resent(doneUnits(2, 0), PhaseTrain, 3, Resend{At: ago(quarter), Done: 1, Stalled: 3}),
			},
			"fail no_progress [1]",
		},
		{
			"third resend brought one of two",
			Found{
				HasManifest: true, Plan: plan(2), Result: ago(quarter),
				State: resent(doneUnits(2, 0), PhaseTrain, 3, Resend{At: ago(time.Hour), Done: 0, Stalled: 3}),
			},
			"send train-sku ~4 [1]",
		},
		{
			"broker started empty: due at once, uncounted",
			Found{
				HasManifest: true, Plan: plan(2), Result: ago(time.Minute), BrokerSince: ago(time.Second),
				State: resent(doneUnits(2), PhaseTrain, 3, Resend{At: ago(2 * time.Minute), Stalled: 3}),
			},
			"send train-sku ~4 [0 1]",
		},
		{
			"broker started empty, resent since",
			Found{
				HasManifest: true, Plan: plan(2), Result: ago(time.Hour), BrokerSince: ago(time.Minute),
				State: resent(doneUnits(2), PhaseTrain, 1, Resend{At: ago(time.Second)}),
			},
			"",
		},
		{
			"broker started empty while an older run is being served",
			Found{
				HasManifest: true, Plan: plan(1), State: doneUnits(1), Result: ago(time.Hour),
				OlderResult: ago(time.Second), BrokerSince: ago(time.Minute),
			},
			"send train-sku ~1 [0]",
		},
		{
			"all units in, publish lost",
			Found{HasManifest: true, Plan: plan(2), State: doneUnits(2, 0, 1), Result: ago(quarter)},
			"send publish-run ~1",
		},
		{"no unit at all", Found{HasManifest: true, Plan: plan(0), State: doneUnits(0), Result: ago(quarter)}, "send publish-run ~1"},
		{"complete, but not announced", Found{Complete: true, Result: ago(quarter)}, "send publish-run ~1"},
		{"complete, being announced", Found{Complete: true, Result: ago(time.Second)}, ""},
		{"failed", Found{Failed: true}, "close"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.found.Now, c.found.ResendAfter = now, quarter
			if got := describe(Reconcile(c.found)); got != c.want {
				t.Errorf("steps %q, want %q", got, c.want)
			}
		})
	}
}

func describe(steps []Step) string {
	out := ""
	for _, s := range steps {
		switch s.Kind {
		case StepSubmitETL:
			out += "submit"
		case StepFail:
			out += "fail " + s.Reason
		case StepSend:
			out += fmt.Sprintf("send %s ~%d", s.Phase, s.Attempt)
		case StepClose:
			out += "close"
		}
		if s.Units != nil {
			out += fmt.Sprint(" ", s.Units)
		}
	}
	return out
}

// A run whose every resend is lost is resent three times and then failed; a run that
// gets one unit in now and then is never failed.
func TestReconcileGivesUpOnlyWithoutProgress(t *testing.T) {
	t.Parallel()
	for _, progress := range []bool{false, true} {
		s := doneUnits(8)
		clock, last, sends := now, now, 0
		for range 200 {
			clock = clock.Add(5 * time.Minute)
			steps := Reconcile(Found{
				Now: clock, ResendAfter: 15 * time.Minute, Result: last, HasManifest: true, Plan: plan(8), State: s,
			})
			if len(steps) == 0 {
				continue
			}
			if steps[0].Kind == StepFail {
				if progress || sends != MaxStalled {
					t.Fatalf("failed after %d sends (progress %t): %s", sends, progress, steps[0].Message)
				}
				break
			}
			s = steps[0].State
			sends++
			if progress && sends%3 == 0 && s.Done.Count() < 7 {
				_ = s.Finish(s.Done.Count())
				last = clock
			}
			if sends > 20 {
				break
			}
		}
		if !progress && sends != MaxStalled {
			t.Errorf("%d sends before giving up, want %d", sends, MaxStalled)
		}
	}
}
