package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
)

// Version of every record; a reader refuses one that it does not know.
const Version = 1

// DropRecord freezes a drop's options and ids at its first delivery.
type DropRecord struct {
	V            int       `json:"v"`
	Container    string    `json:"container"`
	Blob         string    `json:"blob"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"last_modified"`
	Bytes        int64     `json:"bytes"`
	Feed         string    `json:"feed"`
	Options      Options   `json:"options"`
	ETLID        string    `json:"etl_id"`
	RunID        string    `json:"run_id"`
	ClaimedBy    string    `json:"claimed_by"` // the function that claimed it: submit-etl or reconcile
	Failed       *Failure  `json:"failed"`     // why the drop cannot be processed at all; null normally
}

// Drop is the identity in the record.
func (r DropRecord) Drop() Drop { return Drop{Container: r.Container, Blob: r.Blob, ETag: r.ETag} }

// Failure is a reason with what a person can do about it.
type Failure struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	WayOut  string `json:"way_out"`
}

// Record is run.json: the claim of a run.
type Record struct {
	V           int        `json:"v"`
	RunID       string     `json:"run_id"`
	ETLID       string     `json:"etl_id"`
	Reason      string     `json:"reason"`
	Ordinal     int        `json:"ordinal"` // of the run within its drop
	Drop        DropRecord `json:"drop"`
	Options     Options    `json:"options"`
	CodeVersion string     `json:"code_version"`
	ReplayOf    string     `json:"replay_of,omitempty"`   // the run that this one does again
	ETLAttempt  int        `json:"etl_attempt,omitempty"` // of the drop; above 0 the file was read again
}

// ETLRecord is etl.json: which job run computes the ETL.
type ETLRecord struct {
	V        int    `json:"v"`
	ETLID    string `json:"etl_id"`
	JobRunID int64  `json:"job_run_id"`
}

// Source is the file that an ETL has read.
type Source struct {
	Container    string    `json:"container"`
	Blob         string    `json:"blob"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"last_modified"`
	Bytes        int64     `json:"bytes"`
	SHA256       string    `json:"sha256"`
}

// Rows counts the data lines of a source.
type Rows struct {
	Read     int64 `json:"read"`
	Accepted int64 `json:"accepted"`
	Rejected int64 `json:"rejected"`
}

// File is one file of a manifest or of a run's products; Path is relative to it.
type File struct {
	Path   string `json:"path"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Manifest is _manifest.json, written last by the ETL.
type Manifest struct {
	V         int               `json:"v"`
	ETLID     string            `json:"etl_id"`
	Source    Source            `json:"source"`
	Options   ETLOptions        `json:"options"`
	Mapping   map[string]string `json:"mapping"` // meaning → header
	Frequency retail.Frequency  `json:"frequency"`
	Origin    retail.Date       `json:"origin"`
	MonthEnd  bool              `json:"month_end"`
	Rows      Rows              `json:"rows"`
	SKUs      int64             `json:"skus"`
	Series    int64             `json:"series"`
	Buckets   int               `json:"buckets"`
	Files     []File            `json:"files"` // every file of the output, sales first
	Engine    string            `json:"engine"`
}

// Grid is the time axis that the manifest fixes.
func (m Manifest) Grid() retail.Grid {
	return retail.Grid{Frequency: m.Frequency, Origin: m.Origin, MonthEnd: m.MonthEnd}
}

// SalesFile returns the entry of one sales file.
func (m Manifest) SalesFile(path string) (File, bool) {
	for _, f := range m.Files {
		if f.Path == path && strings.HasPrefix(path, "sales/") {
			return f, true
		}
	}
	return File{}, false
}

// Packing fixes how units are cut from the series index.
type Packing struct {
	MaxSeries   int   `json:"max_series"`
	MaxRows     int64 `json:"max_rows"`
	PackedAbove int64 `json:"packed_above"` // SKUs; above it small SKUs share a unit
}

// DefaultPacking is the packing of new runs.
var DefaultPacking = Packing{MaxSeries: 32, MaxRows: 20_000, PackedAbove: 50_000}

// Plan is plan.json.
type Plan struct {
	V             int     `json:"v"`
	RunID         string  `json:"run_id"`
	Units         int     `json:"units"`
	Series        int64   `json:"series"`
	Packing       Packing `json:"packing"`
	ChampionRunID *string `json:"champion_run_id"`
	Horizon       int     `json:"horizon"`
	PoolSlices    int     `json:"pool_slices"`
}

// Timings are the seconds that each phase of a run took.
type Timings struct {
	ETL     float64 `json:"etl"`
	Plan    float64 `json:"plan"`
	Train   float64 `json:"train"`
	Publish float64 `json:"publish"`
	Total   float64 `json:"total"`
}

// SeriesCounts says what became of every series; the three add up to Total.
type SeriesCounts struct {
	Total    int64 `json:"total"`
	Fitted   int64 `json:"fitted"`
	Fallback int64 `json:"fallback"`
	Rejected int64 `json:"rejected"`
}

// Shares are the parts of the scored actuals below, and at or below, a quantile.
type Shares struct {
	Below     float64 `json:"below"`
	AtOrBelow float64 `json:"at_or_below"`
}

// Backtest is the honest accuracy of a run at its latest origin; null is undefined.
type Backtest struct {
	RMSSE       *float64          `json:"rmsse"`
	WAPE        *float64          `json:"wape"`
	Pinball     *float64          `json:"pinball"`
	Skill       *float64          `json:"skill_vs_seasonal_naive"`
	Calibration map[string]Shares `json:"calibration"` // "q0.025" → shares
}

// Complete is _complete.json, the terminal record of a run that succeeded.
type Complete struct {
	V           int              `json:"v"`
	RunID       string           `json:"run_id"`
	Feed        string           `json:"feed"`
	Source      Source           `json:"source"`
	DuplicateOf *string          `json:"duplicate_of"`
	Rows        Rows             `json:"rows"`
	SKUs        int64            `json:"skus"`
	Series      SeriesCounts     `json:"series"`
	Frequency   retail.Frequency `json:"frequency"`
	Origin      retail.Date      `json:"origin"`
	Horizon     int              `json:"horizon"`
	Models      map[string]int64 `json:"models"`
	Backtest    Backtest         `json:"backtest"`
	Digest      string           `json:"digest"`
	Timings     Timings          `json:"timings_s"`
	Files       []File           `json:"files"`
	CodeVersion string           `json:"code_version"`
}

// Failed is _failed.json. It stops nobody: a run that completes after all is complete.
type Failed struct {
	V        int      `json:"v"`
	RunID    string   `json:"run_id"`
	Reason   string   `json:"reason"`
	Message  string   `json:"message"`
	Phase    string   `json:"phase"`
	Function string   `json:"function"`
	WayOut   string   `json:"way_out"`
	Units    []string `json:"units"`
}

// ContentClaim is forecasts/content/<key>.json: the run that computes this content.
type ContentClaim struct {
	V     int    `json:"v"`
	RunID string `json:"run_id"`
}

// Latest is forecasts/latest/<feed>.json; it moves only to a greater order.
type Latest struct {
	V            int         `json:"v"`
	RunID        string      `json:"run_id"`
	Origin       retail.Date `json:"origin"`
	LastModified time.Time   `json:"last_modified"`
	Ordinal      int         `json:"ordinal"`
}

// Newer reports whether l comes after o in (origin, last modified, ordinal).
func (l Latest) Newer(o Latest) bool {
	if l.Origin != o.Origin {
		return l.Origin > o.Origin
	}
	if !l.LastModified.Equal(o.LastModified) {
		return l.LastModified.After(o.LastModified)
	}
	return l.Ordinal > o.Ordinal
}

// versioned is what Read checks.
type versioned interface{ version() int }

func (r *DropRecord) version() int   { return r.V }
func (r *Record) version() int       { return r.V }
func (r *ETLRecord) version() int    { return r.V }
func (r *Manifest) version() int     { return r.V }
func (r *Plan) version() int         { return r.V }
func (r *Complete) version() int     { return r.V }
func (r *Failed) version() int       { return r.V }
func (r *ContentClaim) version() int { return r.V }
func (r *Latest) version() int       { return r.V }
func (r *State) version() int        { return r.V }

// Read reads the record at a place into r and refuses versions it does not know.
func Read(ctx context.Context, s blobstore.Store, place string, r versioned) (blobstore.Info, error) {
	info, err := blobstore.GetJSON(ctx, s, place, r)
	if err != nil {
		return blobstore.Info{}, err
	}
	if r.version() != Version {
		return blobstore.Info{}, event.Permanent("unknown_version",
			fmt.Errorf("%s has version %d; this build reads version %d", place, r.version(), Version))
	}
	return info, nil
}

// Announcement is the data of the ForecastsPublished event: the record without its list
// of files.
func (c Complete) Announcement() []byte {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(Canonical(c), &m); err != nil {
		panic("run: " + err.Error()) // unreachable: Canonical writes an object
	}
	delete(m, "files")
	return Canonical(m)
}
