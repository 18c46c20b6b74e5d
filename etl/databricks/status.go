package databricks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/jobs"

	"github.com/skucast/skucast/shared/run"
)

// Reasons of a run that ended without the job saying why (see EncodeFailure).
const (
	ReasonFailed     = "etl_failed"      // the job's code ended with an error of its own
	ReasonCancelled  = "etl_cancelled"   // a person or the service cancelled it
	ReasonNotStarted = "etl_not_started" // skipped: queue full, job paused, limits
	ReasonPlatform   = "etl_platform"    // cluster, cloud or service failed, not the job
)

// Status says what became of a run. A run that the service does not know is JobUnknown,
// not an error: submitting again under the same token is the way out.
func (j *Jobs) Status(ctx context.Context, id int64) (run.Job, error) {
	var r *jobs.Run
	err := j.retry.do(ctx, func() (err error) {
		r, err = j.api.GetRun(ctx, jobs.GetRunRequest{RunId: id})
		return err
	})
	switch {
	case err != nil && isUnknownRun(err):
		return run.Job{State: run.JobUnknown}, nil
	case err != nil:
		return run.Job{}, fmt.Errorf("status of databricks run %d%s: %w", id, hint(err), err)
	}
	code, message, ended := outcome(r)
	switch {
	case !ended:
		return run.Job{State: run.JobRunning}, nil
	case code == jobs.TerminationCodeCodeSuccess:
		return run.Job{State: run.JobSucceeded}, nil
	}
	text, err := j.errorText(ctx, r)
	if err != nil {
		return run.Job{}, fmt.Errorf("output of databricks run %d%s: %w", id, hint(err), err)
	}
	return failure(id, code, message, text), nil
}

// outcome reads the newer status, or the older state where a service sends only that.
// TERMINATED alone says nothing of success.
func outcome(r *jobs.Run) (code jobs.TerminationCodeCode, message string, ended bool) {
	if r.Status != nil {
		if r.Status.State != jobs.RunLifecycleStateV2StateTerminated {
			return "", "", false
		}
		if d := r.Status.TerminationDetails; d != nil {
			return d.Code, d.Message, true
		}
	}
	if r.State == nil {
		return jobs.TerminationCodeCodeInternalError, "", r.Status != nil
	}
	switch r.State.LifeCycleState {
	case jobs.RunLifeCycleStateTerminated:
	case jobs.RunLifeCycleStateSkipped:
		return jobs.TerminationCodeCodeSkipped, r.State.StateMessage, true
	case jobs.RunLifeCycleStateInternalError:
		return jobs.TerminationCodeCodeInternalError, r.State.StateMessage, true
	default:
		return "", "", false
	}
	switch r.State.ResultState {
	case jobs.RunResultStateSuccess:
		return jobs.TerminationCodeCodeSuccess, "", true
	case jobs.RunResultStateCanceled, jobs.RunResultStateUpstreamCanceled:
		return jobs.TerminationCodeCodeCanceled, r.State.StateMessage, true
	default:
		return jobs.TerminationCodeCodeRunExecutionError, r.State.StateMessage, true
	}
}

// errorText returns the error of the newest task that has one. The output belongs to a
// task's run, not to the job's; a task that never started has none.
func (j *Jobs) errorText(ctx context.Context, r *jobs.Run) (string, error) {
	for _, task := range slices.Backward(r.Tasks) {
		var out *jobs.RunOutput
		err := j.retry.do(ctx, func() (err error) {
			out, err = j.api.GetRunOutput(ctx, jobs.GetRunOutputRequest{RunId: task.RunId})
			return err
		})
		switch {
		case err == nil && out.Error != "":
			// The trace repeats the error where the error line itself was cut.
			return out.Error + "\n" + out.ErrorTrace, nil
		case err == nil, errors.Is(err, apierr.ErrBadRequest), isUnknownRun(err):
		default:
			return "", err
		}
	}
	return "", nil
}

// failure words a run that ended without success.
func failure(id int64, code jobs.TerminationCodeCode, message, text string) run.Job {
	if reason, said, ok := DecodeFailure(text); ok {
		return run.Job{State: run.JobFailed, Reason: reason, Message: said}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if first == "" {
		first = message
	}
	if first == "" {
		first = "the service gives no reason"
	}
	return run.Job{
		State: run.JobFailed, Reason: reasonOf(code),
		Message: fmt.Sprintf("databricks run %d ended with %s: %s", id, code, clip(first)),
	}
}

func reasonOf(code jobs.TerminationCodeCode) string {
	switch code {
	case jobs.TerminationCodeCodeRunExecutionError, jobs.TerminationCodeCodeSuccessWithFailures:
		return ReasonFailed
	case jobs.TerminationCodeCodeCanceled, jobs.TerminationCodeCodeUserCanceled:
		return ReasonCancelled
	case jobs.TerminationCodeCodeSkipped, jobs.TerminationCodeCodeDisabled,
		jobs.TerminationCodeCodeMaxConcurrentRunsExceeded, jobs.TerminationCodeCodeMaxJobQueueSizeExceeded,
		jobs.TerminationCodeCodeWorkspaceRunLimitExceeded:
		return ReasonNotStarted
	default:
		return ReasonPlatform
	}
}
