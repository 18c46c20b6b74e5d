package databricks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/jobs"

	"github.com/skucast/skucast/internal/emulator/databricks"
)

func start(t *testing.T, cfg databricks.Config) (*databricks.Server, *jobs.JobsAPI) {
	t.Helper()
	s, err := databricks.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c, err := client.New(&config.Config{Host: s.URL(), Token: s.Token(), AuthType: "pat", Loaders: []config.Loader{noLoader{}}})
	if err != nil {
		t.Fatal(err)
	}
	return s, jobs.NewJobs(c)
}

type noLoader struct{}

func (noLoader) Name() string                   { return "none" }
func (noLoader) Configure(*config.Config) error { return nil }

// gate is a task that runs until it is let go, and says when it starts.
type gate struct {
	started chan string
	release chan error
}

func newGate() gate { return gate{make(chan string, 16), make(chan error)} }

func (g gate) run(ctx context.Context, p map[string]string, report func(string, float64)) error {
	report("reading", 0.25)
	g.started <- p["n"]
	select {
	case err := <-g.release:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func runNow(t *testing.T, api *jobs.JobsAPI, n int, queue bool) int64 {
	t.Helper()
	w, err := api.RunNow(t.Context(), jobs.RunNow{
		JobId: 1, IdempotencyToken: fmt.Sprint("t", n), JobParameters: map[string]string{"n": strconv.Itoa(n)},
		Queue: &jobs.QueueSettings{Enabled: queue},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w.RunId
}

func get(t *testing.T, api *jobs.JobsAPI, id int64) *jobs.Run {
	t.Helper()
	r, err := api.GetRun(t.Context(), jobs.GetRunRequest{RunId: id})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSlotsAndQueue(t *testing.T) {
	g := newGate()
	s, api := start(t, databricks.Config{Run: g.run, Slots: 2})
	first, second, third := runNow(t, api, 1, true), runNow(t, api, 2, true), runNow(t, api, 3, true)
	<-g.started
	<-g.started
	for _, id := range []int64{first, second} {
		if st := get(t, api, id).Status.State; st != jobs.RunLifecycleStateV2StateRunning {
			t.Errorf("run %d is %s, want RUNNING", id, st)
		}
	}
	queued := get(t, api, third)
	if queued.Status.State != jobs.RunLifecycleStateV2StateQueued || queued.Status.QueueDetails == nil {
		t.Errorf("third run is %+v, want QUEUED with details", queued.Status)
	}
	skipped := get(t, api, runNow(t, api, 4, false))
	if skipped.Status.TerminationDetails.Code != jobs.TerminationCodeCodeMaxConcurrentRunsExceeded ||
		skipped.State.LifeCycleState != jobs.RunLifeCycleStateSkipped {
		t.Errorf("run without queue is %+v %+v, want skipped", skipped.Status, skipped.State)
	}
	g.release <- nil
	if n := <-g.started; n != "3" {
		t.Errorf("run %s came out of the queue, want 3", n)
	}
	g.release <- nil
	g.release <- nil
	for _, id := range []int64{first, second, third} {
		if err := s.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r := get(t, api, id)
		if r.Status.TerminationDetails.Code != jobs.TerminationCodeCodeSuccess || r.State.ResultState != jobs.RunResultStateSuccess ||
			r.EndTime == 0 || r.StartTime == 0 || len(r.JobParameters) != 1 {
			t.Errorf("ended run is %+v", r)
		}
	}
}

func TestOutputBelongsToTheTask(t *testing.T) {
	s, api := start(t, databricks.Config{Run: func(context.Context, map[string]string, func(string, float64)) error {
		return errors.New(`{"reason":"bad_file"}`)
	}})
	id := runNow(t, api, 1, true)
	if err := s.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := api.GetRunOutput(t.Context(), jobs.GetRunOutputRequest{RunId: id}); !errors.Is(err, apierr.ErrInvalidParameterValue) {
		t.Errorf("output of the job's run: %v, want INVALID_PARAMETER_VALUE", err)
	}
	task := get(t, api, id).Tasks[0].RunId
	out, err := api.GetRunOutput(t.Context(), jobs.GetRunOutputRequest{RunId: task})
	if err != nil {
		t.Fatal(err)
	}
	if out.Error != `{"reason":"bad_file"}` || out.ErrorTrace == "" || out.Metadata.RunId != task {
		t.Errorf("output = %+v", out)
	}
}

func TestJobAndRunLists(t *testing.T) {
	s, api := start(t, databricks.Config{Run: func(context.Context, map[string]string, func(string, float64)) error { return nil }, JobID: 7})
	if s.JobID() != 7 {
		t.Fatalf("job id %d", s.JobID())
	}
	found, err := api.GetBySettingsName(t.Context(), "skucast-etl")
	if err != nil || found.JobId != 7 {
		t.Errorf("job by name: %+v, %v", found, err)
	}
	if _, err := api.Get(t.Context(), jobs.GetJobRequest{JobId: 8}); !errors.Is(err, apierr.ErrResourceDoesNotExist) {
		t.Errorf("job 8: %v", err)
	}
	if _, err := api.RunNow(t.Context(), jobs.RunNow{JobId: 7}); err != nil {
		t.Fatal(err)
	}
	runs := api.ListRuns(t.Context(), jobs.ListRunsRequest{JobId: 7})
	if !runs.HasNext(t.Context()) {
		t.Error("no run is listed")
	}
}

func TestProgressAndViews(t *testing.T) {
	g := newGate()
	s, api := start(t, databricks.Config{Run: g.run})
	id := runNow(t, api, 1, true)
	<-g.started
	v := s.Runs()[0]
	if v.RunID != id || v.Token != "t1" || v.State != "RUNNING" || v.Stage != "reading" || v.Fraction != 0.25 || v.Started.IsZero() {
		t.Errorf("view = %+v", v)
	}
	g.release <- errors.New("boom")
	if err := s.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := s.Runs()[0]; v.State != "TERMINATED" || v.Code != "RUN_EXECUTION_ERROR" || v.Error != "boom" || v.Ended.IsZero() {
		t.Errorf("view = %+v", v)
	}
}

func TestStartDelayIsPendingAndCancellable(t *testing.T) {
	g := newGate()
	s, api := start(t, databricks.Config{Run: g.run, StartDelay: time.Hour})
	id := runNow(t, api, 1, true)
	if st := get(t, api, id).Status.State; st != jobs.RunLifecycleStateV2StatePending {
		t.Errorf("state %s, want PENDING", st)
	}
	if _, err := api.CancelRun(t.Context(), jobs.CancelRun{RunId: id}); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if len(g.started) != 0 {
		t.Error("a run cancelled before its start was started")
	}
}

func TestCloseCancelsTasks(t *testing.T) {
	g := newGate()
	s, api := start(t, databricks.Config{Run: g.run})
	runNow(t, api, 1, true)
	runNow(t, api, 2, true) // queued
	<-g.started
	s.Close() // returns only when both have ended
	for _, v := range s.Runs() {
		if v.Code != "USER_CANCELED" {
			t.Errorf("run %d ended with %q", v.RunID, v.Code)
		}
	}
}

func TestRefusals(t *testing.T) {
	s, _ := start(t, databricks.Config{Run: func(context.Context, map[string]string, func(string, float64)) error { return nil }})
	tests := []struct {
		name, method, path, auth, body string
		status                         int
		says                           string
	}{
		{"no token", "GET", "/api/2.2/jobs/list", "", "", 401, "Credential was not sent"},
		{"wrong token", "GET", "/api/2.2/jobs/list", "Bearer x", "", 403, "Invalid access token"},
		{"no JSON", "POST", "/api/2.2/jobs/run-now", "Bearer " + s.Token(), "{", 400, "MALFORMED_REQUEST"},
		{"wrong type", "POST", "/api/2.2/jobs/run-now", "Bearer " + s.Token(), `{"job_id":"x"}`, 400, "MALFORMED_REQUEST"},
		{"long token", "POST", "/api/2.2/jobs/run-now", "Bearer " + s.Token(), `{"job_id":1,"idempotency_token":"` + strings.Repeat("a", 65) + `"}`, 400, "64 characters"},
		{"other job", "POST", "/api/2.2/jobs/run-now", "Bearer " + s.Token(), `{"job_id":2}`, 400, "Job 2 does not exist"},
		{"unknown run", "GET", "/api/2.2/jobs/runs/get?run_id=5", "Bearer " + s.Token(), "", 400, "Run 5 does not exist"},
		{"no run", "GET", "/api/2.2/jobs/runs/get-output?run_id=x", "Bearer " + s.Token(), "", 400, "does not exist"},
		{"other API", "GET", "/api/2.0/clusters/list", "Bearer " + s.Token(), "", 404, "ENDPOINT_NOT_FOUND"},
		{"discovery", "GET", "/.well-known/databricks-config", "", "", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL()+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", tt.auth)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.says) {
				t.Errorf("%d %s (%v); want %d saying %q", res.StatusCode, body, err, tt.status, tt.says)
			}
		})
	}
	if len(s.Runs()) != 0 {
		t.Error("a refused request started a run")
	}
}

func TestStartNeedsATask(t *testing.T) {
	if _, err := databricks.Start(t.Context(), databricks.Config{}); err == nil {
		t.Error("started without a task")
	}
}
