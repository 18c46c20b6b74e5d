package products

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// How many series a summary names.
const (
	nWorst  = 20
	nSample = 12
)

// Summary is what all units of a run add up to. Its size grows with the number of units
// (two file names each), never with series or rows.
type Summary struct {
	RunID        string
	Series       run.SeriesCounts
	ForecastRows int64
	Models       map[string]int64 // series with a forecast by model
	Fallbacks    map[string]int64 // by reason, the rung of the ladder
	Rejections   map[string]int64 // by reason
	Digest       run.Digest

	Total    Accuracy
	ByClass  map[string]*Accuracy
	ByModel  map[string]*Accuracy
	ByVolume [6]Accuracy // by VolumeTiers

	Worst  []Found // by rmsse, worst first
	Sample []Found // large and typical ones of every class, in key order

	Files []run.File // every unit's two files, by path
	Order Order
}

// Found is a series with the unit that holds it.
type Found struct {
	Unit string
	Row  SeriesRow
}

// Summarise reads the summaries of units 0 … units−1 and adds them up. It also checks,
// by a listing, that every unit's forecasts are there in full length. The error of a
// missing or corrupt unit wraps blobstore.ErrNotFound or ErrCorrupt.
func Summarise(ctx context.Context, s blobstore.Store, runID string, units int) (*Summary, error) {
	sum := &Summary{
		RunID: runID, Models: map[string]int64{}, Fallbacks: map[string]int64{}, Rejections: map[string]int64{},
		ByClass: map[string]*Accuracy{}, ByModel: map[string]*Accuracy{},
		Order: Order{dir: run.Dir(runID)},
	}
	parts, stop := iter.Pull2(s.List(ctx, run.ForecastsDir(runID)))
	defer stop()
	pick := newPicker()
	summaries := make([]run.File, 0, units)
	err := inOrder(ctx, units, func(ctx context.Context, i int) (UnitSummary, error) {
		return ReadSummary(ctx, s, run.SeriesPlace(runID, run.UnitName(i)))
	}, func(i int, u UnitSummary) error {
		if err := listed(parts, run.Dir(runID), u.Forecasts); err != nil {
			return fmt.Errorf("unit %s: %w", run.UnitName(i), err)
		}
		sum.Order.add(i, &u)
		sum.Files = append(sum.Files, u.Forecasts)
		summaries = append(summaries, u.File)
		sum.ForecastRows += u.Forecasts.Rows
		for j := range u.Series {
			sum.add(&u.Series[j])
			pick.add(run.UnitName(i), &u.Series[j])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("summarise run %s: %w", run.Short(runID), err)
	}
	sum.Files = append(sum.Files, summaries...)
	sum.Worst, sum.Sample = pick.worst.kept, pick.sample()
	return sum, nil
}

func (s *Summary) add(r *SeriesRow) {
	s.Series.Total++
	s.Digest.Add(r.Digest)
	if r.Status == auto.Rejected {
		s.Series.Rejected++
		s.Rejections[r.Reason]++
		return
	}
	if r.Status == auto.Fallback {
		s.Series.Fallback++
		s.Fallbacks[r.Reason]++
	} else {
		s.Series.Fitted++
	}
	s.Models[r.Model]++
	s.Total.add(r)
	group(s.ByClass, r.Class).add(r)
	group(s.ByModel, r.Model).add(r)
	if t := volumeTier(r); t >= 0 {
		s.ByVolume[t].add(r)
	}
}

func group(m map[string]*Accuracy, key string) *Accuracy {
	a := m[key]
	if a == nil {
		a = new(Accuracy)
		m[key] = a
	}
	return a
}

// listed advances the listing, which is in byte order as the units are, to a part.
// Parts that no summary names are strays and are passed over.
func listed(next func() (blobstore.Info, error, bool), dir string, part run.File) error {
	for {
		info, err, ok := next()
		if err != nil {
			return fmt.Errorf("list forecasts: %w", err)
		}
		if !ok || info.Name > dir+part.Path {
			return fmt.Errorf("%s is not there: %w", part.Path, ErrCorrupt)
		}
		if info.Name == dir+part.Path {
			if info.Size != part.Bytes {
				return fmt.Errorf("%s has %d bytes instead of %d: %w", part.Path, info.Size, part.Bytes, ErrCorrupt)
			}
			return nil
		}
	}
}

// picker keeps the few series that a report names.
type picker struct {
	worst   best
	largest best
	typical map[string]*best // per class, those with the smallest digest: a fixed lot
}

func newPicker() *picker {
	return &picker{
		worst: best{n: nWorst, less: func(a, b *SeriesRow) int {
			return cmp.Or(cmp.Compare(*b.RMSSE, *a.RMSSE), a.Key().Compare(b.Key()))
		}},
		largest: best{n: nSample, less: func(a, b *SeriesRow) int {
			return cmp.Or(cmp.Compare(b.AbsActual, a.AbsActual), a.Key().Compare(b.Key()))
		}},
		typical: map[string]*best{},
	}
}

func (p *picker) add(unit string, r *SeriesRow) {
	if r.Status == auto.Rejected {
		return
	}
	f := Found{Unit: unit, Row: *r}
	if r.RMSSE != nil {
		p.worst.add(f)
	}
	if r.NScored > 0 {
		p.largest.add(f)
	}
	if p.typical[r.Class] == nil {
		p.typical[r.Class] = &best{n: nSample, less: func(a, b *SeriesRow) int {
			return cmp.Or(strings.Compare(string(a.Digest[:]), string(b.Digest[:])), a.Key().Compare(b.Key()))
		}}
	}
	p.typical[r.Class].add(f)
}

// sample is a third of large series, then one of each class by turns.
func (p *picker) sample() []Found {
	var out []Found
	seen := map[retail.SeriesKey]bool{}
	take := func(f Found) {
		if len(out) < nSample && !seen[f.Row.Key()] {
			seen[f.Row.Key()] = true
			out = append(out, f)
		}
	}
	for _, f := range p.largest.kept[:min(nSample/3, len(p.largest.kept))] {
		take(f)
	}
	classes := slices.Sorted(maps.Keys(p.typical))
	for turn := range nSample {
		for _, c := range classes {
			if b := p.typical[c]; turn < len(b.kept) {
				take(b.kept[turn])
			}
		}
	}
	slices.SortFunc(out, func(a, b Found) int { return a.Row.Key().Compare(b.Row.Key()) })
	return out
}

// best keeps the first n in an order.
type best struct {
	n    int
	less func(a, b *SeriesRow) int
	kept []Found
}

func (b *best) add(f Found) {
	if len(b.kept) == b.n && b.less(&f.Row, &b.kept[b.n-1].Row) >= 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(b.kept, f, func(x, y Found) int { return b.less(&x.Row, &y.Row) })
	b.kept = slices.Insert(b.kept, i, f)
	b.kept = b.kept[:min(len(b.kept), b.n)]
}

// Forecast reads the forecast of a found series.
func (f Found) Forecast(ctx context.Context, s blobstore.Store, runID string) ([]ForecastRow, error) {
	rows, err := ReadForecast(ctx, s, run.Dir(runID)+f.Row.ForecastFile)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r ForecastRow) bool { return r.Key() != f.Row.Key() })
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s has no row of %v: %w", f.Row.ForecastFile, f.Row.Key(), ErrCorrupt)
	}
	return rows, nil
}
