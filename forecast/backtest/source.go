package backtest

import (
	"context"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// Key identifies a series: a SKU in a store.
type Key struct {
	SKU   string `json:"sku"`
	Store string `json:"store"`
}

// History is a series as it was known at one origin.
type History struct {
	auto.Input
	// Rows is the number of records up to the origin; it decides whether the
	// pool may draw the series for its length.
	Rows int
}

// Source holds the series of a backtest. Its methods are called by several
// goroutines at once.
type Source interface {
	Len() int
	// Key identifies series i; no two are equal.
	Key(i int) Key
	// Histories returns series i as it was known lag periods before the last
	// one, for each lag; a lag of 0 is the whole history. An empty Y says that
	// the series did not exist yet. Y and Known belong to the caller, who does
	// not change them. Known has values for the horizon after each origin.
	Histories(ctx context.Context, i int, lags []int) ([]History, error)
}

// Series is one series held in memory.
type Series struct {
	Key
	Y      []float64 // demand per period; NaN is missing
	Season int
	Phase  int // season phase of Y[0]
	// Closed says for each period of Y whether the store was closed; nil is
	// never. A closed period that lies ahead is forecast as zero.
	Closed []bool
	// Known are inputs that are known ahead, with a value for each period of Y.
	Known []forecast.Regressor
}

// Memory is a Source of series that all end at the same period.
type Memory struct {
	Series  []Series
	Horizon int
}

// Len implements Source.
func (m Memory) Len() int { return len(m.Series) }

// Key implements Source.
func (m Memory) Key(i int) Key { return m.Series[i].Key }

// Histories implements Source. A record is an observed period.
func (m Memory) Histories(_ context.Context, i int, lags []int) ([]History, error) {
	s := &m.Series[i]
	out := make([]History, len(lags))
	for k, lag := range lags {
		n := max(0, len(s.Y)-lag)
		y := s.Y[:n:n]
		in := auto.Input{Y: y, Season: s.Season, Phase: s.Phase, Integer: whole(y)}
		if s.Closed != nil && n > 0 {
			in.Closed = make([]bool, m.Horizon)
			copy(in.Closed, s.Closed[n:])
		}
		for _, r := range s.Known {
			if end := n + m.Horizon; n > 0 && end <= len(r.Values) {
				r.Values = r.Values[:end:end]
				in.Known = append(in.Known, r)
			}
		}
		out[k] = History{Input: in, Rows: forecast.Observed(y)}
	}
	return out, nil
}

func whole(y []float64) bool {
	for _, v := range y {
		if v != math.Trunc(v) && !math.IsNaN(v) {
			return false
		}
	}
	return true
}
