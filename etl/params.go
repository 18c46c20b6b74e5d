package etl

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/skucast/skucast/shared/run"
)

// ParamsVersion of params.json.
const ParamsVersion = 1

// Params is what a driver needs besides the staged lines, made from the header and the
// options once and given to every engine alike.
type Params struct {
	V         int               `json:"v"`
	Separator string            `json:"separator"`
	Header    []string          `json:"header"`
	Mapping   map[string]string `json:"mapping"`
	Buckets   int               `json:"buckets"`
	// SQL are the parameters of the shared statements. Values are integers, names of our
	// own and hex: no text of an input is ever part of a statement.
	SQL map[string]string `json:"sql"`
}

// controlCharacters in a key make it unusable: a class for sk_rx, raw, because escapes
// differ between the engines.
const controlCharacters = "[\x01-\x1f\x7f]"

// NewParams makes the parameters for one file.
func NewParams(h Header, o run.ETLOptions, buckets int) Params {
	p := Params{
		V: ParamsVersion, Separator: h.Separator, Header: h.Fields, Mapping: h.Mapping(), Buckets: buckets,
		SQL: map[string]string{
			"fields":    strconv.Itoa(len(h.Fields)),
			"separator": hexText(h.Separator),
			"nothing":   hexText("^[" + h.Separator + " ]*$"),
			"controls":  hexText(controlCharacters),
			"bucket":    "0",
			"trailing":  hexText("[" + h.Separator + "] *"),
			// A time of day after a date with a month's name.
			"named_month": hexText("[A-Za-z]{3}.* [0-9]{1,2}:[0-9]{2}"),
			"fold":        "sk_same", "excluded": "1 = 0",
			"line_hash": "", "line_id": "", "p_line_id": "", "duplicate": "1 = 0",
		},
	}
	if o.SKUCase == "upper" {
		p.SQL["fold"] = "sk_upper"
	}
	if len(o.ExcludeSKUs) > 0 {
		p.SQL["excluded"] = "sk_rx(sku, " + hexText(excludePattern(o)) + ")"
	}
	if o.Duplicates == "drop" {
		p.SQL["line_hash"], p.SQL["line_id"], p.SQL["p_line_id"] = ", md5(line) AS line_id", ", line_id", ", p.line_id"
		p.SQL["duplicate"] = "row_number() OVER (PARTITION BY t.line_id, t.sku, t.store ORDER BY t.line_no) > 1"
	}
	if buckets > 1 {
		p.SQL["bucket"] = fmt.Sprintf("CAST(sk_hex(md5(sku), 1, 8) %% %d AS INT)", buckets)
	}
	for _, meaning := range run.Columns {
		p.SQL[meaning] = "''"
		if meaning == "store" {
			p.SQL[meaning] = "'all'"
		}
		if c, ok := h.Columns[meaning]; ok {
			p.SQL[meaning] = field(c.Index)
		}
	}
	var repeated []string
	for _, c := range []struct{ value, meaning string }{{"sku", "sku"}, {"date_text", "date"}, {"units_text", "units"}} {
		text := hexText(h.Columns[c.meaning].Header)
		if c.meaning == "sku" {
			text = p.SQL["fold"] + "(" + text + ")"
		}
		repeated = append(repeated, c.value+" = "+text)
	}
	p.SQL["repeated_header"] = strings.Join(repeated, " AND ")
	p.regressors(h.Regressors)
	return p
}

// excludePattern matches the codes that are no products.
func excludePattern(o run.ETLOptions) string {
	var codes []string
	for _, code := range o.ExcludeSKUs {
		if o.SKUCase == "upper" {
			code = upperASCII(code)
		}
		body, open := strings.CutSuffix(code, "*")
		var b strings.Builder
		for _, r := range body {
			if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		if !open {
			b.WriteByte('$')
		}
		codes = append(codes, b.String())
	}
	return "^(" + strings.Join(codes, "|") + ")"
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// regressors writes the lists of every statement that carries them, r1, r2, …
func (p Params) regressors(columns []Column) {
	var bad []string
	lists := map[string]*strings.Builder{}
	for _, list := range []string{"names", "texts", "p_names", "r_values", "r_names", "t_names", "s_names", "r_max", "r_doubles", "r_hash"} {
		lists[list] = &strings.Builder{}
	}
	for i, c := range columns {
		r := "r" + strconv.Itoa(i+1)
		add := func(list, format string, args ...any) { fmt.Fprintf(lists[list], format, args...) }
		add("texts", ", coalesce(sk_trim(%s), '') AS %s_text", field(c.Index), r)
		add("names", ", %s_text", r)
		add("p_names", ", p.%s_text", r)
		add("r_values", ", try_cast(sk_num(p.%s_text, '${number_style}') AS DECIMAL(22,6)) AS %s", r, r)
		add("r_names", ", %s", r)
		add("t_names", ", t.%s", r)
		add("s_names", ", s.%s", r)
		add("r_max", ", max(%s) AS %s", r, r)
		add("r_doubles", ", CAST(%s AS DOUBLE) AS %s", r, r)
		add("r_hash", ", ' ', coalesce(CAST(CAST(floor(%s * 10000 + 0.5) AS BIGINT) AS STRING), '')", r)
		bad = append(bad, fmt.Sprintf("(%s IS NULL AND NOT sk_blank(%s_text))", r, r))
	}
	for list, b := range lists {
		p.SQL[list] = b.String()
	}
	p.SQL["r_bad"] = "1 = 0"
	if len(bad) > 0 {
		p.SQL["r_bad"] = strings.Join(bad, " OR ")
	}
}

// Decide adds what was decided over the whole file.
func (p Params) Decide(order DateOrder, style NumberStyle) {
	p.SQL["date_order"] = string(order)
	p.SQL["number_style"] = string(style)
	p.SQL["r_values"] = strings.ReplaceAll(p.SQL["r_values"], "${number_style}", string(style))
}

func field(i int) string { return "sk_at(f, " + strconv.Itoa(i) + ")" }

// Text is a constant of any characters for the shared SQL.
func Text(s string) string { return hexText(s) }

func hexText(s string) string { return "sk_text('" + hex.EncodeToString([]byte(s)) + "')" }

// bucketBytes of source text go into one bucket: sorting 12 MiB of text takes a few
// hundred MB at most, whatever the columns.
const (
	bucketBytes = 12 << 20
	maxBuckets  = 64
)

// Buckets is a power of two that depends only on the size of the text.
func Buckets(textBytes int64) int {
	n := 1
	for n < maxBuckets && int64(n)*bucketBytes < textBytes {
		n *= 2
	}
	return n
}
