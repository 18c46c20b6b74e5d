package sales

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// knownInputs returns the inputs that are known for every future period in which the
// store is open; others are left out, because no model could use them. rows[:n] lie up to
// the origin, y begins at period first.
func (p *Preparer) knownInputs(rows []Row, n, first int) []forecast.Regressor {
	index := p.index[n:]
	if !p.coversFuture(index) {
		return nil
	}
	p.known, p.values = p.known[:0], p.values[:0]
	width := len(p.y) + p.horizon
	if need := width * (2 + len(p.regressors)); cap(p.values) < need {
		p.values = make([]float64, 0, need)
	}
	p.addKnown("price", forecast.Price, rows, first, n, func(r *Row) float64 {
		if r.Price > 0 {
			return r.Price
		}
		return nan
	})
	p.addKnown("promo", forecast.Flag, rows, first, n, func(r *Row) float64 {
		switch r.Promo {
		case Yes:
			return 1
		case No:
			return 0
		default:
			return nan
		}
	})
	for k, name := range p.regressors {
		p.addKnown(name, forecast.Number, rows, first, n, func(r *Row) float64 { return r.Regressors[k] })
	}
	if len(p.known) == 0 {
		return nil
	}
	return p.known
}

// coversFuture reports whether every open future period has a row.
func (p *Preparer) coversFuture(index []int32) bool {
	next := 0
	for j := range p.horizon {
		has := next < len(index) && int(index[next]) == j+1
		if has {
			next++
		} else if !p.closed[j] {
			return false
		}
	}
	return p.horizon > 0
}

// addKnown appends one input if it is known where it has to be.
func (p *Preparer) addKnown(name string, kind forecast.Kind, rows []Row, first, n int, value func(*Row) float64) {
	for i := n; i < len(rows); i++ {
		j := int(p.index[i]) - 1
		if j < p.horizon && !p.closed[j] && math.IsNaN(value(&rows[i])) {
			return
		}
	}
	from := len(p.values)
	for range len(p.y) + p.horizon {
		p.values = append(p.values, nan)
	}
	values := p.values[from:len(p.values):len(p.values)]
	for i := range rows {
		if at := int(p.index[i]) - first; at < len(values) {
			values[at] = value(&rows[i])
		}
	}
	p.known = append(p.known, forecast.Regressor{Name: name, Kind: kind, Values: values})
}
