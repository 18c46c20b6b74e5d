package products

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skucast/skucast/shared/run"
)

// Complete builds _complete.json. others are the products besides the units' files, as
// report.html. The series must be as many as plan and manifest say: a difference is an
// error of the pipeline that must not be published.
func Complete(rec run.Record, m run.Manifest, plan run.Plan, s *Summary, t run.Timings, others ...run.File) (run.Complete, error) {
	if s.Series.Total != plan.Series || s.Series.Total != m.Series {
		return run.Complete{}, fmt.Errorf("run %s: units hold %d series, the plan has %d, the manifest %d",
			run.Short(rec.RunID), s.Series.Total, plan.Series, m.Series)
	}
	files := slices.Concat(s.Files, others)
	slices.SortFunc(files, func(a, b run.File) int { return strings.Compare(a.Path, b.Path) })
	return run.Complete{
		V: run.Version, RunID: rec.RunID, Feed: rec.Drop.Feed, Source: m.Source,
		Rows: m.Rows, SKUs: m.SKUs, Series: s.Series,
		Frequency: m.Frequency, Origin: m.Origin, Horizon: plan.Horizon,
		Models: s.Models, Backtest: s.Total.Backtest(), Digest: s.Digest.String(),
		Timings: t, Files: files, CodeVersion: rec.CodeVersion,
	}, nil
}
