package run

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/event"
)

// Phases of a run, in order. Three are named for the queue that moves them on.
const (
	PhaseETL     = "etl"
	PhasePlan    = event.QueuePlanTraining
	PhaseTrain   = event.QueueTrainSKU
	PhasePublish = event.QueuePublishRun
)

// MaxStalled is the number of counted resends in a row without any progress after which
// a run is failed.
const MaxStalled = 3

// JobState is what the jobs service says of an ETL's run.
type JobState string

// The states that matter here; JobUnknown is a run that the service has never heard of,
// or has forgotten.
const (
	JobUnknown   JobState = "unknown"
	JobRunning   JobState = "running"
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
)

// Job is an ETL's run as the jobs service sees it; Reason and Message are the job's own
// error when it failed.
type Job struct {
	State   JobState
	Reason  string
	Message string
}

// Found is everything that Reconcile looks at: what the blobs of one run say, and the
// state of its job. The zero value of a field is "not there".
type Found struct {
	Now         time.Time
	ResendAfter time.Duration
	BrokerSince time.Time // when a broker that keeps nothing started, empty; zero if it is durable
	Result      time.Time // newest result of this run
	OlderResult time.Time // newest result of the open runs before it, which are served first

	HasETL      bool
	Job         Job // looked up only while there is no manifest
	HasManifest bool
	Waiting     bool // another run computes the same content
	Slices      int  // of the pool that exist, while there is no plan
	Plan        *Plan
	State       State // its Done holds what the listing of series/ says
	Complete    bool
	Failed      bool
}

// StepKind says what to do next.
type StepKind int

// What Reconcile can ask for.
const (
	StepSubmitETL StepKind = iota // RunNow with the run's token
	StepFail                      // write _failed.json with Reason, Message, Phase, Units
	StepSend                      // send Phase's messages, ids ending in ~Attempt
	StepClose                     // delete the open marker
)

// Step is one thing to do. For StepSend, State is to be stored by compare-and-swap
// before anything is sent.
type Step struct {
	Kind    StepKind
	Phase   string
	Attempt int
	Units   []int // of StepSend in PhaseTrain, and of StepFail
	State   State
	Reason  string
	Message string
}

// Reconcile says what should happen next to an open run and has not. It is a pure
// function of the blobs that exist, so a lost, doubled or late event changes when
// something happens and never what.
func Reconcile(f Found) []Step {
	switch {
	case f.Failed:
		return []Step{{Kind: StepClose}}
	case f.Complete: // but not closed: what follows the terminal record is still to do
		return resend(f, PhasePublish, nil)
	case !f.HasManifest:
		return reconcileETL(f)
	case f.Waiting:
		return nil
	case f.Plan == nil:
		return resend(f, PhasePlan, nil)
	}
	if missing := f.State.Done.Missing(f.Plan.Units); len(missing) > 0 {
		return resend(f, PhaseTrain, missing)
	}
	return resend(f, PhasePublish, nil)
}

func reconcileETL(f Found) []Step {
	if !f.HasETL || f.Job.State == JobUnknown {
		return []Step{{Kind: StepSubmitETL, Phase: PhaseETL}}
	}
	switch f.Job.State {
	case JobFailed:
		return []Step{{Kind: StepFail, Phase: PhaseETL, Reason: f.Job.Reason, Message: f.Job.Message}}
	case JobSucceeded:
		return []Step{{
			Kind: StepFail, Phase: PhaseETL, Reason: ReasonWithoutManifest,
			Message: "the ETL job reports success, but its manifest is not in storage",
		}}
	default:
		return nil
	}
}

// resend repeats a phase's messages when nothing has come of them for ResendAfter. A
// broker that started empty has lost them for sure: that resend is due at once and does
// not count against the run.
func resend(f Found, phase string, units []int) []Step {
	last := f.State.Resent[phase]
	own := later(f.Result, last.At)
	quiet := f.Now.Sub(later(own, f.OlderResult)) >= f.ResendAfter
	emptied := own.Before(f.BrokerSince)
	if !quiet && !emptied {
		return nil
	}
	done := f.Slices + f.State.Done.Count()
	next := Resend{At: f.Now, Done: done}
	if !emptied {
		if done == last.Done {
			next.Stalled = last.Stalled
		}
		next.Stalled++
	}
	if next.Stalled > MaxStalled {
		return []Step{stalled(f, phase, units)}
	}
	s := f.State.with(phase, next)
	return []Step{{Kind: StepSend, Phase: phase, Attempt: s.Attempts[phase], Units: units, State: s}}
}

func stalled(f Found, phase string, units []int) Step {
	what := "its message"
	if phase == PhaseTrain {
		what = fmt.Sprintf("the messages of %d of %d units (%s)", len(units), f.Plan.Units, unitList(units, 8))
	}
	return Step{
		Kind: StepFail, Phase: phase, Units: units, Reason: ReasonNoProgress,
		Message: fmt.Sprintf("%s: %s %s been sent %d more times without any result", phase, what,
			map[bool]string{true: "have", false: "has"}[phase == PhaseTrain], MaxStalled),
	}
}

func unitList(units []int, most int) string {
	names := make([]string, 0, most+1)
	for _, u := range units[:min(most, len(units))] {
		names = append(names, UnitName(u))
	}
	if len(units) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// with returns a copy of s in which phase was resent once more.
func (s State) with(phase string, r Resend) State {
	attempts, resent := map[string]int{}, map[string]Resend{}
	maps.Copy(attempts, s.Attempts)
	maps.Copy(resent, s.Resent)
	attempts[phase]++
	resent[phase] = r
	s.Attempts, s.Resent = attempts, resent
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
