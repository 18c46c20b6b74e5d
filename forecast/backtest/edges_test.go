package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/forecast/naive"
)

// faulty breaks in the way that its field says.
type faulty struct{ how string }

func (f faulty) Fit(s forecast.Series) (forecast.Fitted, error) {
	switch f.how {
	case "panic":
		panic("out of range")
	case "error":
		return nil, errors.New("no such thing")
	case "short":
		return nil, forecast.ErrTooShort
	}
	in, err := naive.Last{}.Fit(s)
	return nanFitted{in}, err
}

type nanFitted struct{ forecast.Fitted }

func (nanFitted) PredictTo(dst []float64) { dst[3] = math.NaN() }

func TestModelsThatFailAreReported(t *testing.T) {
	s := settings()
	s.Models = nil
	for _, how := range []string{"panic", "error", "short", "nan"} {
		s.Models = append(s.Models, backtest.Model{Name: how, Model: faulty{how}})
	}
	s.Now = steady()
	r := run(t, shop(6), s)
	n := r.Total[0].Series
	if n == 0 || r.NFailures != 3*int(n) || len(r.Failures) != 20 {
		t.Errorf("%d failures, %d listed, %d tests", r.NFailures, len(r.Failures), n)
	}
	for m := 2; m < 6; m++ {
		if r.Total[m].Series != 0 || r.Unfitted[m] != n || r.Total[m].RMSSE.Defined() {
			t.Errorf("%s: %d scored, %d unfitted", r.Models[m], r.Total[m].Series, r.Unfitted[m])
		}
	}
	text := fmt.Sprint(r.Failures)
	for _, want := range []string{"panic: out of range", "no such thing", "mean of step 4 is NaN", "S000"} {
		if !strings.Contains(text, want) {
			t.Errorf("failures do not say %q: %s", want, text)
		}
	}
	for i, x := range r.Timings {
		if x.Runs != n || x.Mean <= 0 || x.Max < x.Mean || r.Models[i] != x.Model {
			t.Errorf("timing %+v of %d runs", x, n)
		}
	}
}

type brokenSource struct {
	backtest.Memory
	err error
}

func (b brokenSource) Histories(ctx context.Context, i int, lags []int) ([]backtest.History, error) {
	if i == 3 {
		return nil, b.err
	}
	return b.Memory.Histories(ctx, i, lags)
}

func TestErrors(t *testing.T) {
	down := errors.New("disk is gone")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		src    backtest.Source
		change func(*backtest.Settings)
		want   error
	}{
		"no horizon":      {src: shop(2), change: func(s *backtest.Settings) { s.Horizon = 0 }, want: backtest.ErrSettings},
		"no window":       {src: shop(2), change: func(s *backtest.Settings) { s.Windows = 0 }, want: backtest.ErrSettings},
		"same name twice": {src: shop(2), change: func(s *backtest.Settings) { s.Models[1].Name = s.Models[0].Name }, want: backtest.ErrSettings},
		"reserved name":   {src: shop(2), change: func(s *backtest.Settings) { s.Models[0].Name = backtest.Product }, want: backtest.ErrSettings},
		"no series":       {src: backtest.Memory{}, want: backtest.ErrTooShort},
		"short series":    {src: backtest.Memory{Series: []backtest.Series{{Y: []float64{1, 2}, Season: 7}}, Horizon: horizon}, want: backtest.ErrTooShort},
		"source fails":    {src: brokenSource{shop(6), down}, want: down},
		"cancelled":       {ctx: cancelled, src: shop(6), want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			if c.change != nil {
				c.change(&s)
			}
			ctx := c.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			for _, s.Workers = range []int{1, 4} {
				if _, err := backtest.Run(ctx, c.src, s); !errors.Is(err, c.want) {
					t.Errorf("%d workers: error %v, want %v", s.Workers, err, c.want)
				}
			}
		})
	}
}

func TestProgress(t *testing.T) {
	s := settings()
	s.Workers = 3
	last, calls := 0, 0
	s.Progress = func(done, total int) {
		calls++
		if done < last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		if last = done; calls == 1 && total != 20+3*20 {
			t.Errorf("total %d", total)
		}
	}
	run(t, shop(20), s)
	if last != 80 {
		t.Errorf("ended at %d of 80", last)
	}
}

// A limit tests fewer series, but each of them as if all were tested.
func TestLimit(t *testing.T) {
	s := settings()
	s.Limit = 9
	s.Models = nil
	r := run(t, shop(40), s)
	if r.Series != 40 || r.Tested != 9 || r.Origins[0].Scores[0].Series != 9 {
		t.Errorf("%d of %d tested, %d scored", r.Tested, r.Series, r.Origins[0].Scores[0].Series)
	}
	s.Limit = 40
	all := run(t, shop(40), s)
	for _, e := range r.Examples {
		for _, want := range all.Examples {
			if e.SKU == want.SKU && fmt.Sprint(e.Mean) != fmt.Sprint(want.Mean) {
				t.Errorf("%s is forecast differently among fewer", e.SKU)
			}
		}
	}
	none := settings()
	none.Models = nil
	if encode(t, run(t, shop(40), none)) != encode(t, all) {
		t.Error("a limit of all is not the same as none")
	}
}

// The pool is drawn by hash, then by length among the rest.
func TestSample(t *testing.T) {
	var keys []backtest.Key
	var rows []int
	for i := range 2000 {
		keys = append(keys, backtest.Key{SKU: fmt.Sprint(i / 2), Store: fmt.Sprint(i % 2)})
		rows = append(rows, []int{0, 5, 100}[i%3])
	}
	got := backtest.Sample(keys, rows, horizon)
	if len(got) != 512 || !slices.IsSorted(got) {
		t.Fatalf("%d series drawn", len(got))
	}
	long := 0
	for _, i := range got {
		switch rows[i] {
		case 0:
			t.Fatalf("series %d, which did not exist yet, is drawn", i)
		case 100:
			long++
		}
	}
	if long < 256+80 || long == 512 {
		t.Errorf("%d long series of 512", long)
	}
	rows[got[0]] = 0 // one less: another takes its place, the others stay
	again := backtest.Sample(keys, rows, horizon)
	kept := 0
	for _, i := range again {
		if slices.Contains(got, i) {
			kept++
		}
	}
	if len(again) != 512 || kept < 510 {
		t.Errorf("%d of %d drawn again", kept, len(again))
	}
}
