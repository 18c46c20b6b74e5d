package run

// Reasons of runs that failed in the pipeline rather than on their file.
const (
	ReasonNoProgress      = "no_progress"
	ReasonWithoutManifest = "etl_without_manifest"
	ReasonETLError        = "etl_error"
)

// wayOut says what a person can do about a pipeline's failure. The file's own reasons
// are in package etl.
func wayOut(reason string) string {
	switch reason {
	case ReasonNoProgress:
		return "skucast status lists refused messages with their reasons, and the function app's log says why units fail; " +
			"when that is mended, skucast replay --failed does what is missing"
	case ReasonWithoutManifest:
		return "look at the job run in Databricks; then skucast replay reads the file again"
	case ReasonETLError, "etl_failed", "etl_platform", "etl_not_started", "etl_cancelled":
		return "the message is the job's own; mend what it names (disk, memory, cluster), then skucast replay the run"
	case "etl_refused":
		return "the jobs service does not accept the job as it is configured; check the job's parameters and permissions, then skucast replay the run"
	default:
		return "mend what the message names, then drop the file again"
	}
}

// WayOut returns a lookup that asks first, which knows a file's reasons, and falls back
// to the pipeline's.
func WayOut(first func(reason string) string) func(reason string) string {
	return func(reason string) string {
		if s := first(reason); s != "" {
			return s
		}
		return wayOut(reason)
	}
}
