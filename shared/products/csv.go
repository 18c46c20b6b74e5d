package products

import (
	"bufio"
	"container/heap"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// MaxPublishedCSVRows is how many forecast rows publish-run still puts into a
// forecasts.csv; beyond it only the CLI writes one, on demand.
const MaxPublishedCSVRows = 5_000_000

// WriteCSV streams forecasts.csv: every forecast row, sorted by sku, store and date in
// byte order, the last column naming runID. Memory is two units for each sales file of the
// run, however many units there are.
func WriteCSV(ctx context.Context, s blobstore.Store, order Order, runID string, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()

	out := bufio.NewWriterSize(w, 256<<10)
	if _, err := out.Write(csvHeader()); err != nil {
		return err
	}
	cursors := make([]*cursor, len(order.starts))
	for i := range cursors {
		c := &cursor{units: make(chan unitRows)}
		cursors[i] = c
		reading.Go(func() { c.read(ctx, s, order.dir, order.stretch(i)) })
	}
	var h stretches
	for _, c := range cursors {
		if ok, err := c.advance(); err != nil {
			return err
		} else if ok {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	return merge(ctx, h, out, runID)
}

// merge writes the series of all stretches in order.
func merge(ctx context.Context, h stretches, out *bufio.Writer, runID string) error {
	var last retail.SeriesKey
	line := csvLine{tail: append(append([]byte{','}, run.Short(runID)...), '\n')}
	for first := true; h.Len() > 0; first = false {
		c := h[0]
		key := c.rows[0].Key()
		if !first && key.Compare(last) <= 0 {
			return fmt.Errorf("write forecasts.csv: %v is in two units", key)
		}
		last = key
		if err := line.series(out, c.rows[:c.n]); err != nil {
			return err
		}
		ok, err := c.advance()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return out.Flush()
}

// cursor goes through one stretch, series by series; the next unit is read meanwhile.
type cursor struct {
	units chan unitRows
	rows  []ForecastRow // of the unit, from the current series on
	n     int           // rows of the current series
}

type unitRows struct {
	rows []ForecastRow
	err  error
}

// read sends the stretch's units until ctx ends.
func (c *cursor) read(ctx context.Context, s blobstore.Store, dir string, parts []string) {
	defer close(c.units)
	for _, p := range parts {
		rows, err := ReadForecast(ctx, s, dir+p)
		if err != nil {
			err = fmt.Errorf("write forecasts.csv: %w", err)
		}
		select {
		case c.units <- unitRows{rows, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// advance moves to the next series; false is the end of the stretch.
func (c *cursor) advance() (bool, error) {
	c.rows = c.rows[c.n:]
	for len(c.rows) == 0 {
		u, ok := <-c.units
		if !ok || u.err != nil {
			return false, u.err
		}
		c.rows = u.rows
	}
	c.n = 1
	for c.n < len(c.rows) && c.rows[c.n].Store == c.rows[0].Store && c.rows[c.n].SKU == c.rows[0].SKU {
		c.n++
	}
	return true, nil
}

// stretches is a heap by the current series.
type stretches []*cursor

func (h stretches) Len() int           { return len(h) }
func (h stretches) Less(i, j int) bool { return h[i].rows[0].Key().Compare(h[j].rows[0].Key()) < 0 }
func (h stretches) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *stretches) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *stretches) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}

func csvHeader() []byte {
	b := []byte("store,sku,date,mean")
	for _, p := range forecast.Probabilities() {
		b = append(append(b, ','), QuantileName(p)...)
	}
	return append(b, ",model,status,run_id\n"...)
}

// csvLine formats lines into buffers that it reuses.
type csvLine struct {
	tail []byte // ",<run_id>\n"
	head []byte // "store,sku," of the series
	line []byte
}

func (l *csvLine) series(w *bufio.Writer, rows []ForecastRow) error {
	l.head = append(appendField(l.head[:0], rows[0].Store), ',')
	l.head = append(appendField(l.head, rows[0].SKU), ',')
	for i := range rows {
		r := &rows[i]
		b := l.line[:0]
		b = append(b, l.head...)
		b = appendDate(b, r.Date)
		b = appendDecimal(append(b, ','), r.Mean)
		for _, q := range r.Quantiles() {
			b = appendDecimal(append(b, ','), q)
		}
		b = appendField(append(b, ','), r.Model)
		b = appendField(append(b, ','), r.Status)
		b = append(b, l.tail...)
		l.line = b
		if _, err := w.Write(l.line); err != nil {
			return err
		}
	}
	return nil
}

// appendField quotes as RFC 4180 does, and also what spreadsheets would trim.
func appendField(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s {
		return append(b, s...)
	}
	b = append(b, '"')
	for {
		before, after, found := strings.Cut(s, `"`)
		b = append(b, before...)
		if !found {
			return append(b, '"')
		}
		b = append(b, `""`...)
		s = after
	}
}
