package databricks

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Limits of the service.
const (
	maxToken = 64
	maxBody  = 10 << 20
)

func (s *Server) handler() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("POST /api/2.2/jobs/run-now", s.runNow)
	api.HandleFunc("GET /api/2.2/jobs/runs/get", s.getRun)
	api.HandleFunc("GET /api/2.2/jobs/runs/get-output", s.getOutput)
	api.HandleFunc("GET /api/2.2/jobs/runs/list", s.listRuns)
	api.HandleFunc("POST /api/2.2/jobs/runs/cancel", s.cancelRun)
	api.HandleFunc("GET /api/2.2/jobs/get", s.getJob)
	api.HandleFunc("GET /api/2.2/jobs/list", s.listJobs)
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.Method+" "+r.URL.Path+"'")
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", s.withFaults(s.authenticated(api)))
	return mux // /.well-known/databricks-config is 404, which clients accept
}

func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !ok:
			answerError(w, http.StatusUnauthorized, "401", "Credential was not sent or was of an unsupported type for this API.")
		case subtle.ConstantTimeCompare([]byte(token), []byte(s.cfg.Token)) != 1:
			answerError(w, http.StatusForbidden, "403", "Invalid access token.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// runNowRequest has the fields of the call that this job understands.
type runNowRequest struct {
	JobID            int64             `json:"job_id"`
	IdempotencyToken string            `json:"idempotency_token"`
	JobParameters    map[string]string `json:"job_parameters"`
	Queue            *struct {
		Enabled bool `json:"enabled"`
	} `json:"queue"`
}

func (s *Server) runNow(w http.ResponseWriter, r *http.Request) {
	var req runNowRequest
	if !readBody(w, r, &req) {
		return
	}
	switch {
	case req.JobID != s.cfg.JobID:
		invalid(w, fmt.Sprintf("Job %d does not exist.", req.JobID))
		return
	case len(req.IdempotencyToken) > maxToken:
		invalid(w, fmt.Sprintf("The idempotency token can not be longer than %d characters.", maxToken))
		return
	}
	run := s.submit(req.IdempotencyToken, req.JobParameters, req.Queue != nil && req.Queue.Enabled) //nolint:contextcheck // a run outlives the request that starts it
	if run == nil {
		answerError(w, http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", "The service is shutting down.")
		return
	}
	answer(w, map[string]any{"run_id": run.id, "number_in_job": run.number})
}

func (s *Server) getRun(w http.ResponseWriter, r *http.Request) {
	id, run := s.lookup(r)
	if run == nil {
		unknownRun(w, id)
		return
	}
	s.mu.Lock()
	body := s.runJSON(run, id == run.taskID)
	s.mu.Unlock()
	answer(w, body)
}

// getOutput wants the task's run, as the service does for jobs with tasks.
func (s *Server) getOutput(w http.ResponseWriter, r *http.Request) {
	id, run := s.lookup(r)
	switch {
	case run == nil:
		unknownRun(w, id)
		return
	case id == run.id:
		invalid(w, "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the output of each individual task run instead.")
		return
	}
	s.mu.Lock()
	body := map[string]any{"metadata": s.runJSON(run, true)}
	if run.errText != "" {
		body["error"], body["error_trace"] = run.errText, run.trace
	}
	s.mu.Unlock()
	answer(w, body)
}

func (s *Server) listRuns(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	runs := make([]any, 0, len(s.order))
	for _, run := range slices.Backward(s.order) { // newest first
		runs = append(runs, s.runJSON(run, false))
	}
	s.mu.Unlock()
	answer(w, map[string]any{"runs": runs, "has_more": false})
}

func (s *Server) cancelRun(w http.ResponseWriter, r *http.Request) {
	var req struct {
		RunID int64 `json:"run_id"`
	}
	if !readBody(w, r, &req) {
		return
	}
	s.mu.Lock()
	run := s.runs[req.RunID]
	s.mu.Unlock()
	if run == nil {
		unknownRun(w, req.RunID)
		return
	}
	s.stopRun(run)
	answer(w, map[string]any{})
}

func (s *Server) getJob(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.URL.Query().Get("job_id"), 10, 64)
	if id != s.cfg.JobID {
		invalid(w, fmt.Sprintf("Job %d does not exist.", id))
		return
	}
	answer(w, s.jobJSON())
}

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) {
	jobs := []any{}
	if name := r.URL.Query().Get("name"); name == "" || strings.EqualFold(name, jobName) {
		jobs = append(jobs, s.jobJSON())
	}
	answer(w, map[string]any{"jobs": jobs, "has_more": false})
}

func (s *Server) lookup(r *http.Request) (int64, *run) {
	id, _ := strconv.ParseInt(r.URL.Query().Get("run_id"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	return id, s.runs[id]
}

func readBody(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		answerError(w, http.StatusBadRequest, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request - "+err.Error())
		return false
	}
	return true
}

func unknownRun(w http.ResponseWriter, id int64) {
	invalid(w, fmt.Sprintf("Run %d does not exist.", id))
}

func invalid(w http.ResponseWriter, message string) {
	answerError(w, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", message)
}

func answerError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error_code": code, "message": message})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client that went away asks again
}
