package sales

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/retail"
)

// block is a decoded stretch of rows within one row group. It is immutable and shared by
// the units that lie in it: some 150 small ones share a row group.
type block struct {
	rows []Row
	runs []seriesRun
}

// seriesRun is a run of rows of one series that ends before row end.
type seriesRun struct {
	key retail.SeriesKey
	end int
}

// bytes is the block's memory.
func (b *block) bytes() int64 {
	n := int64(len(b.rows))*int64(unsafe.Sizeof(Row{})) + int64(len(b.runs))*int64(unsafe.Sizeof(seriesRun{})+16)
	if len(b.rows) > 0 {
		n += int64(len(b.rows)*len(b.rows[0].Regressors)) * 8
	}
	return n
}

// layout says which column of a file holds what; −1 is absent.
type layout struct {
	sku, store, date, units     int
	price, promo, open, inStock int
	stock                       int
	regressors                  []int
	all                         []int // those that exist
}

// layoutOf resolves the columns of a sales file. Regressors are whatever follows the
// columns of formats.md, in the manifest's order: their names are free.
func layoutOf(t *table, regressors []string) (*layout, error) {
	known, err := t.columns([]string{"sku", "store", "date", "units"}, "price", "promo", "open", "in_stock", "stock")
	if err != nil {
		return nil, err
	}
	l := &layout{
		sku: known[0], store: known[1], date: known[2], units: known[3],
		price: known[4], promo: known[5], open: known[6], inStock: known[7], stock: known[8],
	}
	returned := t.column("returned")
	for id := range t.file.Schema().Columns() {
		if id != returned && !slices.Contains(known, id) {
			l.regressors = append(l.regressors, id)
		}
	}
	if len(l.regressors) != len(regressors) {
		return nil, t.unreadable("schema", fmt.Errorf("%d columns follow the known ones, the manifest lists %d regressors %q",
			len(l.regressors), len(regressors), regressors))
	}
	for _, id := range append(known, l.regressors...) {
		if id >= 0 {
			l.all = append(l.all, id)
		}
	}
	return l, nil
}

// errOrder says that a file is not sorted, on which every row range rests.
var errOrder = errors.New("rows are not sorted by sku, store and date without repetition")

// decodeBlock reads n rows of a group from row first on; src serves the bytes.
func decodeBlock(t *table, l *layout, src io.ReaderAt, group int, first int64, n int) (*block, error) {
	d := decoder{t: t, src: src, group: group, first: first, b: &block{rows: make([]Row, n)}}
	if q := len(l.regressors); q > 0 {
		flat := make([]float64, n*q)
		for i := range d.b.rows {
			d.b.rows[i].Regressors = flat[i*q : (i+1)*q : (i+1)*q]
		}
	}
	rows := d.b.rows
	d.texts(l.sku, l.store)
	d.read(l.date, func(at int, v []parquet.Value) error {
		for i := range v {
			day, err := integer(&v[i])
			if err != nil {
				return err
			}
			rows[at+i].Date = retail.Date(day) // DATE is an INT32
		}
		return nil
	})
	d.numbers(l.units, func(r *Row, x float64) { r.Units = x })
	d.numbers(l.price, func(r *Row, x float64) { r.Price = x })
	d.numbers(l.stock, func(r *Row, x float64) { r.Stock = x })
	d.flags(l.promo, func(r *Row, f Flag) { r.Promo = f })
	d.flags(l.open, func(r *Row, f Flag) { r.Open = f })
	d.flags(l.inStock, func(r *Row, f Flag) { r.InStock = f })
	for k, id := range l.regressors {
		d.numbers(id, func(r *Row, x float64) { r.Regressors[k] = x })
	}
	if d.err == nil {
		d.err = d.b.checkOrder()
	}
	return d.b, d.err
}

// decoder fills a block column by column; the first error ends it.
type decoder struct {
	t     *table
	src   io.ReaderAt
	group int
	first int64
	b     *block
	col   column
	err   error
}

func (d *decoder) read(id int, f func(at int, v []parquet.Value) error) {
	if d.err != nil || len(d.b.rows) == 0 {
		return
	}
	defer d.col.close()
	if d.err = d.col.open(d.t, d.src, d.group, id, d.first); d.err == nil {
		d.err = d.col.each(len(d.b.rows), f)
	}
	if d.err != nil {
		d.err = fmt.Errorf("row group %d, column %d from row %d: %w", d.group, id, d.first, d.err)
	}
}

// known reports whether a column exists and has any value in this group: most feeds know
// few of the optional ones.
func (d *decoder) known(id int) bool {
	if id < 0 {
		return false
	}
	c := d.t.file.RowGroups()[d.group].ColumnChunks()[id].(*parquet.FileColumnChunk)
	return c.NullCount() < c.NumValues()
}

func (d *decoder) numbers(id int, set func(*Row, float64)) {
	rows := d.b.rows
	if !d.known(id) {
		for i := range rows {
			set(&rows[i], nan)
		}
		return
	}
	d.read(id, func(at int, v []parquet.Value) error {
		for i := range v {
			set(&rows[at+i], number(&v[i]))
		}
		return nil
	})
}

func (d *decoder) flags(id int, set func(*Row, Flag)) {
	if !d.known(id) {
		return // the zero value is Unknown
	}
	rows := d.b.rows
	d.read(id, func(at int, v []parquet.Value) error {
		for i := range v {
			set(&rows[at+i], flag(&v[i]))
		}
		return nil
	})
}

// texts finds where SKU or store changes and makes the runs.
func (d *decoder) texts(sku, store int) {
	skus, stores := d.changes(sku), d.changes(store)
	n, i, j := len(d.b.rows), 0, 0
	for at := 0; d.err == nil && at < n; {
		end := min(skus[i].end, stores[j].end)
		d.b.runs = append(d.b.runs, seriesRun{
			key: retail.SeriesKey{SKU: retail.SKU(skus[i].text), Store: retail.Store(stores[j].text)}, end: end,
		})
		if skus[i].end == end {
			i++
		}
		if stores[j].end == end {
			j++
		}
		at = end
	}
}

type textRun struct {
	text string
	end  int
}

func (d *decoder) changes(id int) []textRun {
	var runs []textRun
	d.read(id, func(at int, v []parquet.Value) error {
		for i := range v {
			last := len(runs) - 1
			before := ""
			if last >= 0 {
				before = runs[last].text
			}
			s, err := text(&v[i], before)
			if err != nil {
				return err
			}
			if last < 0 || s != before {
				runs = append(runs, textRun{text: s})
				last++
			}
			runs[last].end = at + i + 1
		}
		return nil
	})
	return runs
}

func (b *block) checkOrder() error {
	at := 0
	for i, r := range b.runs {
		if i > 0 && b.runs[i-1].key.Compare(r.key) >= 0 {
			return fmt.Errorf("%v does not come after %v: %w", r.key, b.runs[i-1].key, errOrder)
		}
		for at++; at < r.end; at++ {
			if b.rows[at].Date <= b.rows[at-1].Date {
				return fmt.Errorf("%v, %v after %v: %w", r.key, b.rows[at].Date, b.rows[at-1].Date, errOrder)
			}
		}
	}
	return nil
}
