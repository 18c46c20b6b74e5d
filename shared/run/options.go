package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
)

// Options say how one drop is to be read and forecast. They come, each overriding the
// one before, from the defaults, the feed's _feed.json and <blob>.options.json; the first
// delivery of a drop freezes them in its drop record.
type Options struct {
	// DateOrder settles a file whose dates are ambiguous: "dmy", "mdy" or "" (decide
	// from the file).
	DateOrder string `json:"date_order,omitempty"`
	// Freq is D, W, M or "" (decide from the file's dates).
	Freq string `json:"freq,omitempty"`
	// Horizon is the number of future periods; 0 is the frequency's default.
	Horizon int `json:"horizon,omitempty"`
	// Map names columns by meaning: {"sku":"item","units":"bottles"}.
	Map map[string]string `json:"map,omitempty"`
	// Missing says what an absent row is: "" (calendar rule), "zero" or "gap".
	Missing string `json:"missing,omitempty"`
	// Regressors are further columns to carry along.
	Regressors []string `json:"regressors,omitempty"`
	// ExcludeSKUs are codes that are no products, as postage and fees: exact, or with a *
	// at the end for all that begin so.
	ExcludeSKUs []string `json:"exclude_skus,omitempty"`
	// SKUCase is "upper" where codes that differ only in case are one SKU (ASCII letters).
	SKUCase string `json:"sku_case,omitempty"`
	// Duplicates is "drop" where a line that repeats an earlier one exactly is a mistake and
	// not a second sale.
	Duplicates string `json:"duplicates,omitempty"`
	// Retrain is the feed's schedule: "off", "weekly:<mon…sun>" or "monthly:<1…28>".
	Retrain string `json:"retrain,omitempty"`
}

// maxExcluded bounds the pattern that every line is compared with.
const maxExcluded = 500

// MaxHorizon bounds the work one message can ask for.
const MaxHorizon = 1000

// ReasonInvalidOptions is the reason of options that cannot be used.
const ReasonInvalidOptions = "invalid_options"

// ETLOptions are the part of Options that changes what the ETL writes.
type ETLOptions struct {
	DateOrder  string            `json:"date_order"`
	Freq       string            `json:"freq"`
	Map        map[string]string `json:"map"`
	Regressors []string          `json:"regressors"`

	ExcludeSKUs []string `json:"exclude_skus,omitempty"`
	SKUCase     string   `json:"sku_case,omitempty"`
	Duplicates  string   `json:"duplicates,omitempty"`
}

// RunOptions are the part of Options that changes a run on the same ETL output.
type RunOptions struct {
	Horizon int    `json:"horizon"`
	Missing string `json:"missing"`
}

// ETL returns the part that identifies an ETL.
func (o Options) ETL() ETLOptions {
	return ETLOptions{
		DateOrder: o.DateOrder, Freq: o.Freq, Map: o.Map, Regressors: o.Regressors,
		ExcludeSKUs: o.ExcludeSKUs, SKUCase: o.SKUCase, Duplicates: o.Duplicates,
	}
}

// Run returns the part that identifies a run of an ETL.
func (o Options) Run() RunOptions { return RunOptions{Horizon: o.Horizon, Missing: o.Missing} }

// Merge reads one layer of options, a JSON object, over o. source names it in errors.
func (o Options) Merge(source string, layer []byte) (Options, error) {
	o.Map = maps.Clone(o.Map)
	o.Regressors = slices.Clone(o.Regressors)
	o.ExcludeSKUs = slices.Clone(o.ExcludeSKUs)
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(layer, []byte("\xef\xbb\xbf"))))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return Options{}, event.Permanent(ReasonInvalidOptions, fmt.Errorf("options in %s: %w", source, err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return Options{}, event.Permanent(ReasonInvalidOptions, fmt.Errorf("options in %s: text after the JSON object", source))
	}
	if err := o.Validate(); err != nil {
		return Options{}, fmt.Errorf("options in %s: %w", source, err)
	}
	return o, nil
}

var retrainForm = regexp.MustCompile(`^(off|weekly:(mon|tue|wed|thu|fri|sat|sun)|monthly:([1-9]|1[0-9]|2[0-8]))$`)

// Columns are the meanings that Map may name.
var Columns = []string{"date", "sku", "units", "store", "price", "promo", "stock", "in_stock", "open"}

// Validate reports the first setting that cannot be used and what it may be.
func (o Options) Validate() error {
	bad := func(format string, args ...any) error {
		return event.Permanent(ReasonInvalidOptions, fmt.Errorf(format, args...))
	}
	if !slices.Contains([]string{"", "dmy", "mdy"}, o.DateOrder) {
		return bad("date_order %.20q is not dmy or mdy", o.DateOrder)
	}
	if o.Freq != "" {
		if f, err := retail.ParseFrequency(o.Freq); err != nil || string(f) != o.Freq {
			return bad("freq %.20q is not D, W or M", o.Freq)
		}
	}
	if o.Horizon < 0 || o.Horizon > MaxHorizon {
		return bad("horizon %d is not between 1 and %d periods", o.Horizon, MaxHorizon)
	}
	if !slices.Contains([]string{"", "zero", "gap"}, o.Missing) {
		return bad("missing %.20q is not zero or gap", o.Missing)
	}
	if !slices.Contains([]string{"", "upper"}, o.SKUCase) {
		return bad("sku_case %.20q is not upper", o.SKUCase)
	}
	if !slices.Contains([]string{"", "drop"}, o.Duplicates) {
		return bad("duplicates %.20q is not drop", o.Duplicates)
	}
	for _, code := range o.ExcludeSKUs {
		if body := strings.TrimSuffix(code, "*"); body == "" || strings.Contains(body, "*") || len(code) > 200 {
			return bad("exclude_skus names %.40q; it is a code, or the beginning of codes and a * at the end", code)
		}
	}
	if len(o.ExcludeSKUs) > maxExcluded {
		return bad("exclude_skus has %d codes; %d is the most", len(o.ExcludeSKUs), maxExcluded)
	}
	if o.Retrain != "" && !retrainForm.MatchString(o.Retrain) {
		return bad("retrain %.30q is not off, weekly:<mon…sun> or monthly:<1…28>", o.Retrain)
	}
	for _, meaning := range slices.Sorted(maps.Keys(o.Map)) {
		if !slices.Contains(Columns, meaning) {
			return bad("map names %.40q; columns that can be mapped are %v", meaning, Columns)
		}
		if o.Map[meaning] == "" {
			return bad("map gives no header for %q", meaning)
		}
	}
	return nil
}
