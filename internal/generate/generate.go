// Package generate makes retail sales that look real and whose distribution is known.
//
// A day's demand of a SKU in a store is negative binomial around
//
//	level × store × weekday × yearly × trend × promotion × price
//
// with a tail of slow movers, SKUs that come and go, stores that close on a weekday, on
// holidays or for weeks, and days without stock. Beside the sales file it writes the same
// without dirt, and for the days after the origin the true quantiles with the demand that
// came to be, so that a forecast can be judged by the distribution and not by one draw.
//
// A seed gives the same bytes on every machine: every store, SKU and series has a random
// stream of its own, so nothing depends on the order of work, and the arithmetic is that
// of exact.go.
package generate

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/skucast/skucast/shared/retail"
)

// Config says what to make. Default is a start.
type Config struct {
	Seed         uint64
	Stores, SKUs int
	Days         int         // of history
	Start        retail.Date // the first of them; 0: so that the history ends on 2025-06-29
	Horizon      int         // days after the history: known inputs, no quantity
	// SkipZeros leaves out the lines of days on which a SKU was there and did not sell, as
	// exports of tills do.
	SkipZeros bool
	Dirt      Dirt
}

// endOfHistory is the last day of a history whose Start is not given: a Sunday, in the past for
// good, so that no quantity is ever in the future.
var endOfHistory = retail.NewDate(2025, 6, 29)

// Default is two years of 20 SKUs in 5 stores.
func Default() Config {
	return Config{Seed: 1, Stores: 5, SKUs: 20, Days: 730, Horizon: 28}
}

// Files are where Write writes, CSV with a header. Clean and Truth may be nil.
type Files struct {
	// Sales: date,store,sku,units,price,promo,open,in_stock, by date, store and SKU. The
	// days after the history have no units and no in_stock.
	Sales io.Writer
	// Clean is Sales without dirt.
	Clean io.Writer
	// Truth: store,sku,date,mean,q0.025,…,q0.99,units for every series of the file and every
	// day of the horizon, by date, store and SKU. Units is one draw from that distribution.
	Truth io.Writer
}

// Summary counts what was written.
type Summary struct {
	Lines        int64       `json:"lines"`       // in Sales, without the header
	CleanLines   int64       `json:"clean_lines"` // in Clean
	FutureLines  int64       `json:"future_lines"`
	Series       int         `json:"series"` // with at least one line of history
	Stores       int         `json:"stores"`
	SKUs         int         `json:"skus"`
	Start        retail.Date `json:"start"`
	Origin       retail.Date `json:"origin"` // the last day with a quantity
	Units        int64       `json:"units"`  // sold, by the clean file
	ZeroDays     int64       `json:"zero_days"`
	StockoutDays int64       `json:"stockout_days"` // series × days without stock
	ClosedLines  int64       `json:"closed_lines"`  // with open = 0
	New          int         `json:"new_skus"`
	Discontinued int         `json:"discontinued_skus"`
	Dirt         Counts      `json:"dirt"`
}

// maxSeries bounds memory: 24 bytes a series.
const maxSeries = 20_000_000

func (c Config) check() error {
	var errs []error
	positive := func(what string, n, most int) {
		if n < 1 || n > most {
			errs = append(errs, fmt.Errorf("%s is %d, not between 1 and %d", what, n, most))
		}
	}
	positive("number of stores", c.Stores, 100_000)
	positive("number of SKUs", c.SKUs, 10_000_000)
	positive("number of days", c.Days, 36_500)
	if c.Horizon < 0 || c.Horizon > 3_650 {
		errs = append(errs, fmt.Errorf("horizon is %d, not between 0 and 3650 days", c.Horizon))
	}
	if c.Stores > 0 && c.SKUs > maxSeries/c.Stores {
		errs = append(errs, fmt.Errorf("%d stores × %d SKUs are more than %d series", c.Stores, c.SKUs, maxSeries))
	}
	return errors.Join(append(errs, c.Dirt.check())...)
}

// Write makes the files.
func Write(to Files, c Config) (Summary, error) {
	if err := c.check(); err != nil {
		return Summary{}, err
	}
	if c.Start == 0 {
		c.Start = endOfHistory - retail.Date(c.Days-1)
	}
	w := newWorld(c)
	o := newOutput(to, c)
	for t := range c.Days + c.Horizon {
		w.day(t)
		for s := range w.stores {
			w.storeDay(s, t, o)
			if o.err != nil { // a full disk ends it at once, not after the last day
				return Summary{}, o.err
			}
		}
	}
	if err := o.flush(); err != nil {
		return Summary{}, err
	}
	o.sum.Stores, o.sum.SKUs, o.sum.Start = c.Stores, c.SKUs, c.Start
	o.sum.New, o.sum.Discontinued = w.count()
	o.sum.Series = w.listed()
	return o.sum, nil
}

// buffered is a writer that remembers its first error.
func buffered(w io.Writer) *bufio.Writer {
	if w == nil {
		return nil
	}
	return bufio.NewWriterSize(w, 1<<18)
}
