package databricks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/skucast/skucast/etl/databricks"
	emulator "github.com/skucast/skucast/internal/emulator/databricks"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

const drop = "forecasts/drops/abc.json"

func etlID(n int) string { return fmt.Sprintf("%064x", n) }

func start(t *testing.T, cfg emulator.Config) *emulator.Server {
	t.Helper()
	if cfg.JobID == 0 {
		cfg.JobID = 77
	}
	s, err := emulator.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// connect returns a client whose waits pass at once and are counted.
func connect(t *testing.T, s *emulator.Server, waits *[]time.Duration) *databricks.Jobs {
	t.Helper()
	return mustNew(t, databricks.Config{
		Host: s.URL(), Token: s.Token(), JobID: s.JobID(),
		Retry: databricks.Retry{Wait: func(ctx context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return ctx.Err()
		}},
	})
}

func mustNew(t *testing.T, cfg databricks.Config) *databricks.Jobs {
	t.Helper()
	j, err := databricks.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func done(context.Context, map[string]string, func(string, float64)) error { return nil }

// blocking is a task that says when it starts and ends with its context.
func blocking() (emulator.Task, chan struct{}) {
	started := make(chan struct{}, 16)
	return func(ctx context.Context, _ map[string]string, _ func(string, float64)) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}, started
}

func submit(t *testing.T, j *databricks.Jobs, n int) int64 {
	t.Helper()
	id, err := j.Submit(t.Context(), etlID(n), drop)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return id
}

func wantStatus(t *testing.T, j *databricks.Jobs, id int64, want run.Job) {
	t.Helper()
	got, err := j.Status(t.Context(), id)
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	if got != want {
		t.Errorf("status of run %d = %+v, want %+v", id, got, want)
	}
}

func ended(t *testing.T, s *emulator.Server, id int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Wait(ctx, id); err != nil {
		t.Fatalf("run %d: %v", id, err)
	}
}

func TestSubmitRunsTheJobWithTheDrop(t *testing.T) {
	params := make(chan map[string]string, 1)
	s := start(t, emulator.Config{Run: func(_ context.Context, p map[string]string, _ func(string, float64)) error {
		params <- p
		return nil
	}})
	j := connect(t, s, nil)
	id := submit(t, j, 1)
	ended(t, s, id)
	p := <-params
	if p[databricks.ParamETLID] != etlID(1) || p[databricks.ParamDrop] != drop || len(p) != 2 {
		t.Errorf("the job was given %v", p)
	}
	wantStatus(t, j, id, run.Job{State: run.JobSucceeded})
	if again := submit(t, j, 1); again != id {
		t.Errorf("submitted again after its end: run %d, want the same %d", again, id)
	}
}

func TestSubmitIsIdempotent(t *testing.T) {
	task, _ := blocking()
	s := start(t, emulator.Config{Run: task, Slots: 8})
	var wg sync.WaitGroup
	ids := make([]int64, 32)
	for c := range 4 { // one client allows 15 requests per second
		j := connect(t, s, nil)
		for i := range 8 {
			wg.Go(func() { ids[8*c+i], _ = j.Submit(t.Context(), etlID(1), drop) })
		}
	}
	wg.Wait()
	for _, id := range ids {
		if id == 0 || id != ids[0] {
			t.Fatalf("32 submissions of one ETL gave runs %v", ids)
		}
	}
	if runs := s.Runs(); len(runs) != 1 {
		t.Errorf("%d runs, want 1", len(runs))
	}
}

func TestFailureKeepsItsReason(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want run.Job
	}{
		{
			"said by the job", errors.New("skucast.Failure: " + databricks.EncodeFailure("ambiguous_dates", "lines 4, 9") + " SQLSTATE: P0001"),
			run.Job{State: run.JobFailed, Reason: "ambiguous_dates", Message: "lines 4, 9"},
		},
		{
			"not said", errors.New("ValueError: boom\nmore"),
			run.Job{State: run.JobFailed, Reason: databricks.ReasonFailed, Message: "databricks run %d ended with RUN_EXECUTION_ERROR: ValueError: boom"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, emulator.Config{Run: func(context.Context, map[string]string, func(string, float64)) error { return tt.err }})
			j := connect(t, s, nil)
			id := submit(t, j, 1)
			ended(t, s, id)
			want := tt.want
			want.Message = strings.Replace(want.Message, "%d", strconv.FormatInt(id, 10), 1)
			wantStatus(t, j, id, want)
		})
	}
}

func TestPanicOfTheTaskIsThePlatforms(t *testing.T) {
	s := start(t, emulator.Config{Run: func(context.Context, map[string]string, func(string, float64)) error { panic("lost executor") }})
	j := connect(t, s, nil)
	id := submit(t, j, 1)
	ended(t, s, id)
	wantStatus(t, j, id, run.Job{
		State: run.JobFailed, Reason: databricks.ReasonPlatform,
		Message: fmt.Sprintf("databricks run %d ended with INTERNAL_ERROR: the task panicked: lost executor", id),
	})
}

func TestCancel(t *testing.T) {
	task, started := blocking()
	s := start(t, emulator.Config{Run: task})
	j := connect(t, s, nil)
	running, queued := submit(t, j, 1), submit(t, j, 2)
	<-started
	wantStatus(t, j, running, run.Job{State: run.JobRunning})
	wantStatus(t, j, queued, run.Job{State: run.JobRunning})
	for _, id := range []int64{queued, running} {
		if err := j.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		ended(t, s, id)
		wantStatus(t, j, id, run.Job{
			State: run.JobFailed, Reason: databricks.ReasonCancelled,
			Message: fmt.Sprintf("databricks run %d ended with USER_CANCELED: Run cancelled.", id),
		})
	}
	if err := j.Cancel(t.Context(), 12345); err != nil {
		t.Errorf("cancel of an unknown run: %v", err)
	}
}

func TestUnknownRun(t *testing.T) {
	s := start(t, emulator.Config{Run: done})
	j := connect(t, s, nil)
	wantStatus(t, j, 12345, run.Job{State: run.JobUnknown})
	id := submit(t, j, 1)
	ended(t, s, id)
	if !s.Forget(id) {
		t.Fatal("nothing to forget")
	}
	wantStatus(t, j, id, run.Job{State: run.JobUnknown})
	if again := submit(t, j, 1); again == id {
		t.Errorf("the forgotten run %d came back", id)
	}
}

func TestRestartForgetsRuns(t *testing.T) {
	first := start(t, emulator.Config{Run: done})
	id := submit(t, connect(t, first, nil), 1)
	ended(t, first, id)
	first.Close()
	second := start(t, emulator.Config{Run: done, Now: func() time.Time { return time.Now().Add(time.Second) }})
	j := connect(t, second, nil)
	wantStatus(t, j, id, run.Job{State: run.JobUnknown})
	if again := submit(t, j, 1); again <= id {
		t.Errorf("run id %d after a restart, %d before: an old id could be taken for a new run", again, id)
	}
}

func TestRetries(t *testing.T) {
	doubling := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
	tests := []struct {
		name  string
		fault func(*emulator.Server)
		waits int
		fails bool
	}{
		{"500 twice", func(s *emulator.Server) { s.FailNext(2, 500) }, 2, false},
		{"502 once", func(s *emulator.Server) { s.FailNext(1, 502) }, 1, false},
		{"504 once", func(s *emulator.Server) { s.FailNext(1, 504) }, 1, false},
		{"503 is the SDK's", func(s *emulator.Server) { s.FailNext(1, 503) }, 0, false},
		{"answer lost", func(s *emulator.Server) { s.DropNext(2) }, 2, false},
		{"500 for good", func(s *emulator.Server) { s.FailNext(100, 500) }, 4, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, emulator.Config{Run: done})
			var waits []time.Duration
			j := connect(t, s, &waits)
			tt.fault(s)
			_, err := j.Submit(t.Context(), etlID(1), drop)
			if (err != nil) != tt.fails || event.IsPermanent(err) {
				t.Errorf("submit: %v (permanent %v)", err, event.IsPermanent(err))
			}
			if fmt.Sprint(waits) != fmt.Sprint(doubling[:tt.waits]) {
				t.Errorf("waited %v, want %v", waits, doubling[:tt.waits])
			}
			if n := len(s.Runs()); n > 1 || (n == 0) != tt.fails {
				t.Errorf("%d runs were started", n)
			}
		})
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	s := start(t, emulator.Config{Run: done})
	s.FailNext(100, 500)
	ctx, cancel := context.WithCancel(t.Context())
	j := mustNew(t, databricks.Config{Host: s.URL(), Token: s.Token(), JobID: s.JobID(), Retry: databricks.Retry{
		Wait: func(context.Context, time.Duration) error { cancel(); return ctx.Err() },
	}})
	if _, err := j.Submit(ctx, etlID(1), drop); !errors.Is(err, context.Canceled) {
		t.Errorf("submit: %v, want context.Canceled", err)
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, emulator.Config{Run: done})
	ok := databricks.Config{Host: s.URL(), Token: s.Token(), JobID: s.JobID()}
	with := func(change func(*databricks.Config)) databricks.Config { c := ok; change(&c); return c }
	tests := []struct {
		name      string
		cfg       databricks.Config
		etl       string
		says      string
		permanent bool
	}{
		{"wrong token", with(func(c *databricks.Config) { c.Token = "dapi-secret-wrong" }), etlID(1), "CAN_MANAGE_RUN", false},
		{"wrong job", with(func(c *databricks.Config) { c.JobID = 5 }), etlID(1), "check the configured job id", false},
		{"not an etl id", ok, "short", "64 hex digits", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mustNew(t, tt.cfg).Submit(t.Context(), tt.etl, drop)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("submit: %v; want it to say %q", err, tt.says)
			}
			if event.IsPermanent(err) != tt.permanent {
				t.Errorf("permanent = %v, want %v: %v", !tt.permanent, tt.permanent, err)
			}
			if strings.Contains(err.Error(), tt.cfg.Token) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
	if len(s.Runs()) != 0 {
		t.Error("a refused submission started a run")
	}
}

// scripted answers every request of a path with one body.
func scripted(t *testing.T, answers map[string]string) *databricks.Jobs {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"error_code":"ENDPOINT_NOT_FOUND","message":"no such page"}`
		} else if strings.Contains(body, `"error_code"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return mustNew(t, databricks.Config{Host: srv.URL, Token: "x", JobID: 1})
}

func TestStatusOfOtherOutcomes(t *testing.T) {
	const get, output = "/api/2.2/jobs/runs/get", "/api/2.2/jobs/runs/get-output"
	failed := func(reason, message string) run.Job {
		return run.Job{State: run.JobFailed, Reason: reason, Message: "databricks run 9 ended with " + message}
	}
	tests := []struct {
		name, run, output string
		want              run.Job
	}{
		{
			"skipped", `{"status":{"state":"TERMINATED","termination_details":{"code":"MAX_JOB_QUEUE_SIZE_EXCEEDED","message":"queue full"}}}`, "",
			failed(databricks.ReasonNotStarted, "MAX_JOB_QUEUE_SIZE_EXCEEDED: queue full"),
		},
		{
			"cloud", `{"status":{"state":"TERMINATED","termination_details":{"code":"CLOUD_FAILURE"}}}`, "",
			failed(databricks.ReasonPlatform, "CLOUD_FAILURE: the service gives no reason"),
		},
		{"terminated and no more", `{"status":{"state":"TERMINATED"}}`, "", failed(databricks.ReasonPlatform, "INTERNAL_ERROR: the service gives no reason")},
		{"blocked", `{"status":{"state":"BLOCKED"}}`, "", run.Job{State: run.JobRunning}},
		{"old form, success", `{"state":{"life_cycle_state":"TERMINATED","result_state":"SUCCESS"}}`, "", run.Job{State: run.JobSucceeded}},
		{"old form, running", `{"state":{"life_cycle_state":"TERMINATING"}}`, "", run.Job{State: run.JobRunning}},
		{
			"old form, timed out", `{"state":{"life_cycle_state":"TERMINATED","result_state":"TIMEDOUT","state_message":"too slow"}}`, "",
			failed(databricks.ReasonFailed, "RUN_EXECUTION_ERROR: too slow"),
		},
		{"old form, skipped", `{"state":{"life_cycle_state":"SKIPPED","state_message":"limit"}}`, "", failed(databricks.ReasonNotStarted, "SKIPPED: limit")},
		{
			"output gone", `{"status":{"state":"TERMINATED","termination_details":{"code":"RUN_EXECUTION_ERROR","message":"see output"}},"tasks":[{"run_id":10,"task_key":"etl"}]}`,
			`{"error_code":"INVALID_PARAMETER_VALUE","message":"Run 10 does not exist."}`,
			failed(databricks.ReasonFailed, "RUN_EXECUTION_ERROR: see output"),
		},
		{
			"error cut, trace whole", `{"status":{"state":"TERMINATED","termination_details":{"code":"RUN_EXECUTION_ERROR"}},"tasks":[{"run_id":10,"task_key":"etl"}]}`,
			`{"error":"F: {\"reason\":\"bad_file\",\"mess","error_trace":"F: {\"reason\":\"bad_file\",\"message\":\"no date\"}"}`,
			run.Job{State: run.JobFailed, Reason: "bad_file", Message: "no date"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answers := map[string]string{get: tt.run}
			if tt.output != "" {
				answers[output] = tt.output
			}
			wantStatus(t, scripted(t, answers), 9, tt.want)
		})
	}
}

// A wrong host answers 404 to everything; that must not look like a lost run.
func TestNotFoundIsNotUnknown(t *testing.T) {
	if job, err := scripted(t, nil).Status(t.Context(), 9); err == nil {
		t.Errorf("status = %+v; want an error", job)
	}
}

// A token whose run was deleted is refused for ever.
func TestRefusedForGood(t *testing.T) {
	j := scripted(t, map[string]string{
		"/api/2.2/jobs/run-now": `{"error_code":"INVALID_PARAMETER_VALUE","message":"The run with the provided idempotency token was deleted."}`,
	})
	_, err := j.Submit(t.Context(), etlID(1), drop)
	if event.ReasonOf(err) != databricks.ReasonRefused {
		t.Errorf("submit: %v with reason %q, want %s", err, event.ReasonOf(err), databricks.ReasonRefused)
	}
}

type staticCredential string

func (c staticCredential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(o.Scopes) != 1 || o.Scopes[0] != "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default" {
		return azcore.AccessToken{}, fmt.Errorf("asked for scopes %v", o.Scopes)
	}
	return azcore.AccessToken{Token: string(c), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestManagedIdentity(t *testing.T) {
	// None of these has a say.
	t.Setenv("DATABRICKS_TOKEN", "from-environment")
	t.Setenv("DATABRICKS_HOST", "https://elsewhere.example")
	t.Setenv("ARM_USE_MSI", "true")
	s := start(t, emulator.Config{Run: done})
	j := mustNew(t, databricks.Config{Host: s.URL(), Credential: staticCredential(s.Token()), JobID: s.JobID()})
	ended(t, s, submit(t, j, 1))
}

func TestConfigIsChecked(t *testing.T) {
	tests := []struct {
		name string
		cfg  databricks.Config
		says []string
	}{
		{"nothing", databricks.Config{}, []string{"host", "job id", "token or a credential"}},
		{"both identities", databricks.Config{Host: "https://h", JobID: 1, Token: "secret-token", Credential: staticCredential("x")}, []string{"not both"}},
		{"host without scheme", databricks.Config{Host: "adb-1.azuredatabricks.net", JobID: 1, Token: "x"}, []string{"is not a URL"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := databricks.New(tt.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
		})
	}
	secret := databricks.Config{Host: "https://h", JobID: 1, Token: "secret-token"}
	if s := fmt.Sprintf("%v %+v %#v", secret, secret, secret); strings.Contains(s, "secret-token") {
		t.Errorf("printed configuration shows the token: %s", s)
	}
}
