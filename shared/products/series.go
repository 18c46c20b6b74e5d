// Package products writes and reads what a run delivers: each unit's forecasts and its
// summary per series, the totals over all units, forecasts.csv and _complete.json. Nothing
// here holds more than a bounded number of units in memory, however large the run is.
package products

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Series is the outcome of one series. Its fields are those of training.SeriesResult, so
// that one converts to the other.
type Series struct {
	Key    retail.SeriesKey
	Dates  []retail.Date // of the horizon; ignored for a rejected series
	Result auto.Result
}

// check refuses what would make a file or the digest ambiguous. Every refusal is a
// mistake of the caller: rows with such keys are rejected by the ETL.
func (s *Series) check() error {
	r := &s.Result
	for _, f := range [...]struct{ name, text string }{
		{"sku", string(s.Key.SKU)},
		{"store", string(s.Key.Store)},
		{"class", r.Class},
		{"status", r.Status},
		{"reason", r.Reason},
		{"model", r.Model},
	} {
		if err := checkText(f.text); err != nil {
			return fmt.Errorf("%q in store %q: %s %q: %w", s.Key.SKU, s.Key.Store, f.name, f.text, err)
		}
	}
	switch r.Status {
	case auto.Rejected:
		if len(r.Mean) > 0 || len(r.Quantiles) > 0 {
			return fmt.Errorf("%v: rejected with a forecast", s.Key)
		}
		return nil
	case auto.Fitted, auto.Fallback:
	default:
		return fmt.Errorf("%v: status %q is none of fitted, fallback and rejected", s.Key, r.Status)
	}
	if len(r.Mean) == 0 || len(r.Mean) != len(s.Dates) || len(r.Quantiles) != len(s.Dates) {
		return fmt.Errorf("%v: %d dates, %d means and %d rows of quantiles; they must be as many, and not none",
			s.Key, len(s.Dates), len(r.Mean), len(r.Quantiles))
	}
	for i, m := range r.Mean {
		bad := !finite(m)
		for _, q := range r.Quantiles[i] {
			bad = bad || !finite(q)
		}
		if bad {
			return fmt.Errorf("%v: forecast for %v is not finite", s.Key, s.Dates[i])
		}
	}
	return nil
}

func checkText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("is not UTF-8")
	}
	if strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return errors.New("has a control character")
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// digest is the series' part of the run's digest: the sum over its canonical lines. line
// is a buffer to reuse; values are rounded as they are in the files.
func (s *Series) digest(line []byte) (run.Digest, []byte) {
	var d run.Digest
	r := &s.Result
	line = append(line[:0], s.Key.Store...)
	line = append(line, '\t')
	line = append(line, s.Key.SKU...)
	line = append(line, '\t')
	if r.Status == auto.Rejected {
		line = append(append(line, "rejected\t"...), r.Reason...)
		line = append(line, '\n')
		d.AddLine(line)
		return d, line
	}
	key := len(line)
	for i, date := range s.Dates {
		line = appendDate(line[:key], date)
		line = append(line, '\t')
		line = appendDecimal(line, forecast.Round6(r.Mean[i]))
		for _, q := range r.Quantiles[i] {
			line = append(line, '\t')
			line = appendDecimal(line, forecast.Round6(q))
		}
		line = append(line, '\t')
		line = append(line, r.Model...)
		line = append(line, '\t')
		line = append(line, r.Status...)
		line = append(line, '\n')
		d.AddLine(line)
	}
	return d, line
}

// appendDate is yyyy-mm-dd.
func appendDate(b []byte, d retail.Date) []byte {
	y, m, day := d.Civil()
	if y < 0 || y > 9999 {
		return append(b, d.String()...)
	}
	return append(b, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+day/10), byte('0'+day%10))
}

// appendDecimal appends the shortest decimal that reads back as x, without an exponent.
// It is strconv's result, faster for numbers of at most six significant digits: if such a
// decimal n/10^k is nearest to x, no other decimal of up to 15 digits is, so that the
// shortest is n without its trailing zeros.
func appendDecimal(b []byte, x float64) []byte {
	a := math.Abs(x)
	if a < 1e15 && a == math.Trunc(a) {
		return strconv.AppendInt(b, int64(x), 10) // −0 becomes 0
	}
	if a >= 1e-3 && a < 1e6 {
		k, scale := 0, 1.0
		for a*scale < 1e5 {
			scale *= 10
			k++
		}
		if n := math.Round(a * scale); n/scale == a {
			if x < 0 {
				b = append(b, '-')
			}
			return appendScaled(b, uint64(n), k)
		}
	}
	return strconv.AppendFloat(b, x, 'f', -1, 64)
}

// appendScaled appends n/10^k, which is not a whole number, without trailing zeros.
func appendScaled(b []byte, n uint64, k int) []byte {
	for n%10 == 0 {
		n /= 10
		k--
	}
	var digits [24]byte
	i := len(digits)
	for ; k > 0; k-- {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	b = strconv.AppendUint(b, n, 10)
	b = append(b, '.')
	return append(b, digits[i:]...)
}
