package training

import (
	"context"
	"fmt"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// Past is the demand of a series as the models saw it.
type Past struct {
	Dates  []retail.Date
	Values []float64 // NaN is missing
}

// History returns the last periods of one series, prepared as for training.
func (t *Trainer) History(ctx context.Context, m *run.Manifest, o run.Options, row sales.IndexRow, periods int) (Past, error) {
	calendar, err := t.calendar(ctx, m)
	if err != nil {
		return Past{}, err
	}
	file, ok := m.SalesFile(row.File)
	if !ok {
		return Past{}, fmt.Errorf("history of %v: the manifest does not list %s", row.Key, row.File)
	}
	w := t.worker(m, o, Horizon(m, o), calendar)
	defer w.release()
	grid := m.Grid()
	for s, err := range t.reader.ReadUnit(ctx, m, file, row.FirstRow, row.Rows) {
		if err != nil {
			return Past{}, fmt.Errorf("history of %v: %w", row.Key, err)
		}
		p, err := w.prepare.Prepare(s, w.calendar.Store(s.Key.Store))
		if err != nil || !p.Usable {
			return Past{}, err
		}
		y := p.Input.Y
		from := max(0, len(y)-periods)
		past := Past{Values: append([]float64(nil), y[from:]...)}
		for i := range past.Values {
			past.Dates = append(past.Dates, grid.At(from+i+1-len(y)))
		}
		return past, nil
	}
	return Past{}, nil
}
