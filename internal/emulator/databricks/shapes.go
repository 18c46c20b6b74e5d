package databricks

import "time"

const (
	jobName = "skucast-etl"
	taskKey = "etl"
)

func (s *Server) jobJSON() map[string]any {
	return map[string]any{
		"job_id": s.cfg.JobID,
		"settings": map[string]any{
			"name": jobName, "max_concurrent_runs": s.cfg.Slots, "queue": map[string]any{"enabled": true},
			"tasks": []any{map[string]any{"task_key": taskKey}},
		},
	}
}

// runJSON is a run, or its only task's run, as runs/get shows it; the caller holds the
// mutex.
func (s *Server) runJSON(r *run, asTask bool) map[string]any {
	m := map[string]any{
		"job_id": s.cfg.JobID, "run_id": r.id, "number_in_job": r.number, "run_name": jobName, "run_type": "JOB_RUN",
		"run_page_url": s.url + "/#job/run", "start_time": millis(r.queued), "end_time": millis(r.ended),
		"status": status(r), "state": legacyState(r),
	}
	if asTask {
		m["run_id"], m["task_key"] = r.taskID, taskKey
		return m
	}
	params := make([]any, 0, len(r.params))
	for k, v := range r.params {
		params = append(params, map[string]any{"name": k, "value": v})
	}
	m["job_parameters"] = params
	m["tasks"] = []any{map[string]any{
		"task_key": taskKey, "run_id": r.taskID, "start_time": millis(r.started), "end_time": millis(r.ended),
		"status": status(r), "state": legacyState(r), "attempt_number": 0,
	}}
	return m
}

func status(r *run) map[string]any {
	m := map[string]any{"state": r.state}
	switch r.state {
	case stateQueued:
		m["queue_details"] = map[string]any{"code": "MAX_CONCURRENT_RUNS_REACHED", "message": "Queued due to reaching maximum concurrent runs of the job."}
	case stateTerminated:
		m["termination_details"] = map[string]any{"code": r.code, "type": terminationType(r.code), "message": message(r)}
	}
	return m
}

func terminationType(code string) string {
	switch code {
	case codeSuccess, codeCancelled:
		return "SUCCESS"
	case codeInternal:
		return "INTERNAL_ERROR"
	default:
		return "CLIENT_ERROR"
	}
}

// legacyState is the state of API 2.1, which 2.2 still sends.
func legacyState(r *run) map[string]any {
	m := map[string]any{"life_cycle_state": r.state, "state_message": message(r)}
	switch {
	case r.state != stateTerminated:
	case r.code == codeSkipped:
		m["life_cycle_state"] = "SKIPPED"
	case r.code == codeInternal:
		m["life_cycle_state"], m["result_state"] = "INTERNAL_ERROR", "FAILED"
	default:
		m["result_state"] = map[string]string{codeSuccess: "SUCCESS", codeCancelled: "CANCELED"}[r.code]
		if m["result_state"] == "" {
			m["result_state"] = "FAILED"
		}
	}
	return m
}

func message(r *run) string {
	switch r.code {
	case codeFailed:
		return "Workload failed, see run output for details"
	case codeCancelled:
		return "Run cancelled."
	case codeSkipped:
		return "Skipped to prevent exceeding maximum concurrent runs of the job."
	case codeInternal:
		return "Internal error: the task's process ended unexpectedly"
	default:
		return ""
	}
}

// millis is 0 for a time that has not come, as the service shows it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
