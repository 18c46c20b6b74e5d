package main

import (
	"flag"
	"fmt"
	"strings"

	"github.com/skucast/skucast/shared/run"
)

// dropOptions are the flags that say how a file is read and forecast: the same settings
// as in <blob>.options.json.
type dropOptions struct {
	options run.Options
}

func (d *dropOptions) register(fs *flag.FlagSet) {
	o := &d.options
	fs.IntVar(&o.Horizon, "horizon", 0, "future `periods` to forecast (default 28 days, 13 weeks or 12 months)")
	fs.StringVar(&o.Freq, "freq", "", "length of a period: `D, W or M` (default: from the file's dates)")
	fs.StringVar(&o.Missing, "missing", "", "what an absent row is: `zero or gap` (default: from when the store trades)")
	fs.StringVar(&o.DateOrder, "date-order", "", "`dmy or mdy`, for a file whose dates are ambiguous")
	fs.Func("map", "`meaning=header` of a column, as units=bottles; repeat for more. Meanings: "+strings.Join(run.Columns, ", "),
		func(s string) error {
			meaning, header, ok := strings.Cut(s, "=")
			if !ok {
				return fmt.Errorf("%q is not meaning=header", s)
			}
			if o.Map == nil {
				o.Map = map[string]string{}
			}
			o.Map[meaning] = header
			return nil
		})
	fs.Func("exclude-sku", "`code` that is no product, as POST or FEE*; repeat for more", func(s string) error {
		o.ExcludeSKUs = append(o.ExcludeSKUs, s)
		return nil
	})
	fs.StringVar(&o.SKUCase, "sku-case", "", "`upper`: codes that differ only in case are one SKU (default: they differ)")
	fs.StringVar(&o.Duplicates, "duplicates", "", "`drop`: a line that repeats an earlier one exactly is a mistake (default: a further sale)")
	fs.Func("regressor", "`header` of a further column to carry along; repeat for more", func(s string) error {
		o.Regressors = append(o.Regressors, s)
		return nil
	})
}

// check refuses settings that no file could be read with.
func (d *dropOptions) check() error {
	if err := d.options.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}
