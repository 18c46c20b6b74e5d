package backtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/skucast/skucast/forecast/auto"
)

// Settings say what to test.
type Settings struct {
	Horizon int // periods to forecast, at least 1
	Windows int // origins, at least 1
	// Models are tested on their own, besides Product and Naive.
	Models []Model
	// Limit tests only that many series, those with the smallest
	// sha256(sku ‖ 0 ‖ store) among those that exist at the latest origin;
	// 0 is all. The pool and the volume classes still come from all series.
	Limit   int
	Workers int // goroutines; 0 is 1
	// Progress, if not nil, is told how many of how many steps are done, by
	// one goroutine at a time and with done never falling.
	Progress func(done, total int)
	// Now, if not nil, times the models. The library has no clock of its own.
	Now func() time.Time
}

// Errors of settings and sources that cannot be tested.
var (
	// ErrSettings means that the settings make no sense.
	ErrSettings = errors.New("backtest: invalid settings")
	// ErrTooShort means that no series has a history before any origin and an
	// observed period after it.
	ErrTooShort = errors.New("backtest: no series is long enough for a window")
)

func (s *Settings) check() error {
	if s.Horizon < 1 || s.Windows < 1 || s.Workers < 0 || s.Limit < 0 {
		return fmt.Errorf("%w: horizon %d, windows %d, workers %d, limit %d", ErrSettings, s.Horizon, s.Windows, s.Workers, s.Limit)
	}
	seen := map[string]bool{Product: true, Naive: true}
	for _, m := range s.Models {
		if m.Name == "" || m.Model == nil || seen[m.Name] {
			return fmt.Errorf("%w: model %q is unnamed, doubled or nil", ErrSettings, m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}

// test is one backtest under way.
type test struct {
	src      Source
	set      Settings
	lags     []int // 0, then h, 2h, …
	season   int
	units    [][]float64 // demand before each origin: [series][window], NaN = not there
	rows     [][]int     // records
	periods  [][]int     // of the history
	volume   [][]uint8   // volume class: [series][window]
	tested   []int       // ordinals
	pools    []*auto.Pool
	names    []string
	rank     []ranked // of each series at the latest origin
	progress *progress
}

// Run backtests every series of src. It returns what ctx or src ended it with;
// a model that fails on a series fails neither the series nor the backtest, and
// is reported.
func Run(ctx context.Context, src Source, set Settings) (*Report, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	t := &test{src: src, set: set, lags: []int{0}}
	for k := range set.Windows {
		t.lags = append(t.lags, (k+1)*set.Horizon)
	}
	t.names = []string{Product, Naive}
	for _, m := range set.Models {
		t.names = append(t.names, m.Name)
	}
	n := src.Len()
	// Sizing the series up is left out: it takes next to no time.
	tested := n
	if set.Limit > 0 {
		tested = min(n, set.Limit)
	}
	t.progress = newProgress(set.Progress, tested+set.Windows*sampleSize(n))
	if err := t.survey(ctx); err != nil {
		return nil, err
	}
	t.volumes()
	t.tested = t.draw()
	if err := t.pool(ctx); err != nil {
		return nil, err
	}
	scores, err := t.score(ctx)
	if err != nil {
		return nil, err
	}
	if scores.tallies[total][0].Figures().Series == 0 {
		return nil, fmt.Errorf("%w of %d periods among %d series", ErrTooShort, set.Horizon, n)
	}
	r := t.report(scores)
	r.Examples, err = t.examples(ctx)
	return r, err
}
