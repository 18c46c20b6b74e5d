package generate

import (
	"bufio"
	"fmt"
	"strconv"
)

// Probabilities of the truth's quantiles, those of forecasts.csv.
func Probabilities() []float64 {
	return []float64{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99}
}

const salesHeader = "date,store,sku,units,price,promo,open,in_stock\n"

// line is one line of the sales file.
type line struct {
	date, store, sku string
	units, cents     int64
	promo, open      bool
	inStock, future  bool

	// what dirt does to it
	unitsText, tail string
	quoted, short   bool
}

// render appends the line to dst.
func (l *line) render(dst []byte) []byte {
	dst = append(append(dst, l.date...), ',')
	if l.quoted {
		dst = append(append(append(dst, '"'), l.store...), `","`...)
		dst = append(append(dst, l.sku...), `",`...)
	} else {
		dst = append(append(dst, l.store...), ',')
		dst = append(append(dst, l.sku...), ',')
	}
	switch {
	case l.unitsText != "":
		dst = append(dst, l.unitsText...)
	case !l.future:
		dst = strconv.AppendInt(dst, l.units, 10)
	}
	if l.short { // only as many fields as there are so far
		return append(dst, '\n')
	}
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, l.cents/100, 10)
	dst = append(dst, '.', byte('0'+l.cents/10%10), byte('0'+l.cents%10), ',')
	dst = append(dst, bit(l.promo), ',', bit(l.open), ',')
	if !l.future {
		dst = append(dst, bit(l.inStock))
	}
	return append(append(dst, l.tail...), '\n')
}

func bit(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// output writes the files and counts.
type output struct {
	sales, clean, truth *bufio.Writer
	mess                *mess
	sum                 Summary
	err                 error
	buf                 []byte
	probabilities       []float64
	quantiles           []int64
}

func newOutput(to Files, c Config) *output {
	p := Probabilities()
	o := &output{
		sales: buffered(to.Sales), clean: buffered(to.Clean), truth: buffered(to.Truth),
		mess: newMess(c), probabilities: p, quantiles: make([]int64, len(p)),
	}
	o.write(o.sales, []byte(salesHeader))
	o.write(o.clean, []byte(salesHeader))
	header := []byte("store,sku,date,mean")
	for _, q := range p {
		header = strconv.AppendFloat(append(header, ",q"...), q, 'f', -1, 64)
	}
	o.write(o.truth, append(header, ",units\n"...))
	return o
}

func (o *output) write(w *bufio.Writer, b []byte) {
	if w == nil {
		return
	}
	if _, err := w.Write(b); err != nil && o.err == nil {
		o.err = fmt.Errorf("write generated sales: %w", err)
	}
}

func (o *output) flush() error {
	for _, w := range []*bufio.Writer{o.sales, o.clean, o.truth} {
		if w == nil {
			continue
		}
		if err := w.Flush(); err != nil && o.err == nil {
			o.err = fmt.Errorf("write generated sales: %w", err)
		}
	}
	return o.err
}

// put writes a line of the history or of the future.
func (o *output) put(l *line) {
	o.sum.CleanLines++
	if o.clean != nil {
		o.buf = l.render(o.buf[:0])
		o.write(o.clean, o.buf)
	}
	if l.future {
		o.buf = l.render(o.buf[:0])
		o.write(o.sales, o.buf)
		o.sum.Lines++
		o.sum.FutureLines++
		return
	}
	o.sum.Units += l.units
	o.sum.Lines += o.mess.spoil(o, l)
}

// known writes a line of the truth: the distribution d, or 0 for certain, and what came.
func (o *output) known(w *world, st *store, k *sku, d negbin, came int64) {
	if o.truth == nil {
		return
	}
	b := append(append(o.buf[:0], st.code...), ',')
	b = append(append(b, k.code...), ',')
	b = append(append(b, w.text...), ',')
	b = strconv.AppendFloat(b, d.mean, 'g', 6, 64)
	d.quantiles(o.quantiles, o.probabilities)
	for _, q := range o.quantiles {
		b = strconv.AppendInt(append(b, ','), q, 10)
	}
	o.buf = append(strconv.AppendInt(append(b, ','), came, 10), '\n')
	o.write(o.truth, o.buf)
}
