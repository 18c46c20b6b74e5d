// Package databricks starts the ETL as a run of a Databricks job and asks what became
// of it. The job itself is made by Terraform (or played by the emulator); here it is only
// run, with the ETL's id as the idempotency token, so that any number of submissions of one
// ETL start it once.
package databricks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/service/jobs"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// The job's parameters. The job reads everything else from the drop's record.
const (
	ParamETLID = "etl_id" // 64 hex digits
	ParamDrop  = "drop"   // place of the drop's record, such as forecasts/drops/<key>.json
)

// ReasonRefused is the reason of a submission that the service will refuse however
// often it is repeated, such as a token whose run was deleted.
const ReasonRefused = "etl_refused"

// Config names the workspace, the job and the identity. Exactly one of Token and
// Credential is needed.
type Config struct {
	Host       string                 // https://adb-….azuredatabricks.net, or the emulator's URL
	JobID      int64                  // of the job that Terraform made
	Token      string                 // bearer token: emulator and developers only
	Credential azcore.TokenCredential // managed identity: the one in Azure
	Transport  http.RoundTripper      // nil: the SDK's own
	Retry      Retry                  // zero: five tries within about 15 s
}

// String leaves the token out.
func (c Config) String() string { return fmt.Sprintf("databricks job %d at %s", c.JobID, c.Host) }

// GoString leaves the token out of %#v as well.
func (c Config) GoString() string { return c.String() }

// Jobs submits and watches ETL runs. It is safe for concurrent use.
type Jobs struct {
	api   *jobs.JobsAPI
	jobID int64
	retry Retry
}

// New checks the configuration; it makes no request.
func New(cfg Config) (*Jobs, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c, err := client.New(cfg.sdk())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg, err)
	}
	return &Jobs{api: jobs.NewJobs(c), jobID: cfg.JobID, retry: cfg.Retry.withDefaults()}, nil
}

// Submit starts the ETL of a drop and returns the run's id. Repeating it returns the same
// run, also after that run has ended.
func (j *Jobs) Submit(ctx context.Context, etlID, dropPlace string) (int64, error) {
	if !run.IsID(etlID) {
		return 0, event.Permanent(ReasonRefused, fmt.Errorf("etl_id %.80q is not 64 hex digits, which the idempotency token must be", etlID))
	}
	req := jobs.RunNow{
		JobId:            j.jobID,
		IdempotencyToken: etlID,
		JobParameters:    map[string]string{ParamETLID: etlID, ParamDrop: dropPlace},
		// Without a queue a run beyond the job's concurrency is skipped, and its token is spent.
		Queue: &jobs.QueueSettings{Enabled: true},
	}
	var id int64
	err := j.retry.do(ctx, func() error {
		wait, err := j.api.RunNow(ctx, req)
		if err != nil {
			return err
		}
		id = wait.RunId
		return nil
	})
	if err != nil {
		return 0, j.submitError(etlID, err)
	}
	if id == 0 {
		return 0, fmt.Errorf("submit ETL %s to databricks job %d: the answer has no run_id", run.Short(etlID), j.jobID)
	}
	return id, nil
}

// submitError tells what an operator can mend (transient: every later try may work) from
// what the service will always refuse.
func (j *Jobs) submitError(etlID string, err error) error {
	wrapped := fmt.Errorf("submit ETL %s to databricks job %d%s: %w", run.Short(etlID), j.jobID, hint(err), err)
	missingJob := strings.Contains(err.Error(), "does not exist")
	if errors.Is(err, apierr.ErrBadRequest) && !missingJob {
		return event.Permanent(ReasonRefused, wrapped)
	}
	return wrapped
}

// hint names the setting to look at.
func hint(err error) string {
	switch {
	case errors.Is(err, apierr.ErrUnauthenticated), errors.Is(err, apierr.ErrPermissionDenied):
		return " (the identity must be known to the workspace and have CAN_MANAGE_RUN on the job)"
	case strings.Contains(err.Error(), "does not exist"):
		return " (check the configured job id)"
	default:
		return ""
	}
}

// Cancel asks the service to stop a run. A run that it does not know is not running.
func (j *Jobs) Cancel(ctx context.Context, id int64) error {
	err := j.retry.do(ctx, func() error {
		_, err := j.api.CancelRun(ctx, jobs.CancelRun{RunId: id})
		return err
	})
	if err == nil || isUnknownRun(err) {
		return nil
	}
	return fmt.Errorf("cancel databricks run %d%s: %w", id, hint(err), err)
}

// isUnknownRun reports a run that the service has never heard of or has forgotten. A
// plain 404 is something else: a wrong host or a proxy must not make an ETL start again.
func isUnknownRun(err error) bool {
	if errors.Is(err, apierr.ErrResourceDoesNotExist) {
		return true
	}
	api, ok := errors.AsType[*apierr.APIError](err)
	return ok && api.ErrorCode == "INVALID_PARAMETER_VALUE" &&
		strings.HasPrefix(api.Message, "Run ") && strings.Contains(api.Message, "does not exist")
}
