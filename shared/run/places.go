package run

import (
	"path"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
)

// Incoming is the prefix, in the raw-data container, under which files are dropped.
const Incoming = "incoming/"

// DefaultFeed is the feed of files that lie directly under incoming/.
const DefaultFeed = "default"

// Feed returns the feed of a blob (its path inside raw-data), and whether the blob is a
// drop at all: names that begin with "_" or end in ".options.json" are settings, and
// those that begin with "." or end in ".tmp", ".part" or "~" are files that a program has
// not finished writing.
func Feed(blob string) (feed string, isDrop bool) {
	rest, ok := strings.CutPrefix(blob, Incoming)
	base := path.Base(rest)
	if !ok || rest == "" || strings.HasSuffix(rest, "/") ||
		strings.HasPrefix(base, "_") || strings.HasSuffix(base, ".options.json") || unfinished(base) {
		return "", false
	}
	feed, _, nested := strings.Cut(rest, "/")
	if !nested {
		return DefaultFeed, true
	}
	if strings.HasPrefix(feed, "_") {
		return "", false
	}
	return feed, true
}

func unfinished(base string) bool {
	return strings.HasPrefix(base, ".") || strings.HasSuffix(base, ".tmp") ||
		strings.HasSuffix(base, ".part") || strings.HasSuffix(base, "~")
}

// FeedOptions is the place of a feed's standing options; files at the root share
// incoming/_feed.json.
func FeedOptions(feed string) string {
	if feed == DefaultFeed {
		return blobstore.RawData + "/" + Incoming + "_feed.json"
	}
	return blobstore.RawData + "/" + Incoming + feed + "/_feed.json"
}

// Place returns the full name of the drop's blob.
func (d Drop) Place() string { return d.Container + "/" + d.Blob }

// FileOptions is the place of the drop's sidecar with options.
func (d Drop) FileOptions() string { return d.Place() + ".options.json" }

// Record is the place of the drop's frozen claim.
func (d Drop) Record() string { return blobstore.Forecasts + "/drops/" + d.Key() + ".json" }

const etlRoot = blobstore.ProcessedData + "/etl/"

// ManifestName is the file whose existence says that an ETL's output is ready.
const ManifestName = "_manifest.json"

// ETLDir holds the output of an ETL. Like every …Dir it ends in a slash.
func ETLDir(etlID string) string { return etlRoot + etlID + "/" }

// ManifestPlace is the place of an ETL's manifest, which is written last.
func ManifestPlace(etlID string) string { return ETLDir(etlID) + ManifestName }

// ETLRunsDir lists the runs that use an ETL.
func ETLRunsDir(etlID string) string { return ETLDir(etlID) + "runs/" }

// ETLRun is one entry of ETLRunsDir.
func ETLRun(etlID, runID string) string { return ETLRunsDir(etlID) + runID }

// ETLOfManifest returns the etl_id of a manifest's path inside processed-data.
func ETLOfManifest(blob string) (string, bool) {
	rest, ok := strings.CutPrefix(blob, "etl/")
	id, name, ok2 := strings.Cut(rest, "/")
	return id, ok && ok2 && name == ManifestName && IsID(id)
}

// IsID reports whether s has the form of an etl_id or run_id.
func IsID(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// OpenDir lists the runs without a terminal record.
const OpenDir = blobstore.Forecasts + "/open/"

// RunsDir holds every run.
const RunsDir = blobstore.Forecasts + "/runs/"

// OpenMarker is the place of a run's marker in OpenDir.
func OpenMarker(runID string) string { return OpenDir + runID }

// Dir holds everything of a run.
func Dir(runID string) string { return RunsDir + runID + "/" }

// RunPlace is the place of run.json.
func RunPlace(runID string) string { return Dir(runID) + "run.json" }

// ETLPlace is the place of etl.json.
func ETLPlace(runID string) string { return Dir(runID) + "etl.json" }

// PlanPlace is the place of plan.json.
func PlanPlace(runID string) string { return Dir(runID) + "plan.json" }

// StatePlace is the place of state.json.
func StatePlace(runID string) string { return Dir(runID) + "state.json" }

// PoolDir holds the slices of a run's pool.
func PoolDir(runID string) string { return Dir(runID) + "pool/" }

// SeriesDir holds one summary per finished unit: its listing is the truth about completion.
func SeriesDir(runID string) string { return Dir(runID) + "series/" }

// ForecastsDir holds the units' forecasts.
func ForecastsDir(runID string) string {
	return Dir(runID) + "forecasts/"
}

// SeriesPlace is the place of a unit's summary.
func SeriesPlace(runID, unit string) string { return SeriesDir(runID) + unit + ".parquet" }

// CompletePlace is the place of the terminal record of a run that succeeded.
func CompletePlace(runID string) string { return Dir(runID) + "_complete.json" }

// FailedPlace is the place of the terminal record of a run that failed.
func FailedPlace(runID string) string { return Dir(runID) + "_failed.json" }

// ContentPlace is the claim of a content key.
func ContentPlace(key string) string { return blobstore.Forecasts + "/content/" + key + ".json" }

// LatestPlace is the record of a feed's newest forecasts.
func LatestPlace(feed string) string { return LatestDir + feed + ".json" }

// LatestDir holds one record per feed.
const LatestDir = blobstore.Forecasts + "/latest/"

// UnitOfSeries returns the unit whose summary lies at a place under SeriesDir.
func UnitOfSeries(place string) (int, bool) {
	base, ok := strings.CutSuffix(path.Base(place), ".parquet")
	if !ok {
		return 0, false
	}
	n, err := UnitOrdinal(base)
	return n, err == nil
}
