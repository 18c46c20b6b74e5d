package duckdb

import (
	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// quality is quality.json: how the file was read and how many lines met each rule.
type quality struct {
	V           int               `json:"v"`
	File        string            `json:"file"`
	Rows        run.Rows          `json:"rows"`
	SalesRows   int64             `json:"sales_rows"`
	Rules       map[string]int64  `json:"rules"` // every rule, 0 included
	Mapping     map[string]string `json:"mapping"`
	Separator   string            `json:"separator"`
	DateOrder   string            `json:"date_order"`
	NumberStyle string            `json:"number_style"`
	Frequency   retail.Frequency  `json:"frequency"`
	Origin      retail.Date       `json:"origin"`
	// Giants are the largest quantities of rule giant_quantity, at most 20.
	Giants []giant `json:"giants"`
}

// giant is a period that dwarfs the others of its series.
type giant struct {
	SKU   string      `json:"sku"`
	Store string      `json:"store"`
	Date  retail.Date `json:"date"`
	Units float64     `json:"units"`
}

func newQuality() quality {
	q := quality{V: run.Version, Rules: map[string]int64{}, Giants: []giant{}}
	for _, r := range etl.Rules() {
		q.Rules[r.Name] = 0
	}
	return q
}

// complete adds what is known once every bucket is written.
func (q *quality) complete(job Job, out output) {
	staged := out.source.staged
	q.File = job.Drop.Blob
	q.Mapping = out.params.Mapping
	q.Separator = out.params.Separator
	q.Frequency, q.Origin = out.timeline.Grid.Frequency, out.timeline.Grid.Origin
	q.Rows.Read = q.Rows.Accepted + q.Rows.Rejected
	q.Rules[etl.RuleBlankLine] = staged.Lines - q.Rows.Read
	q.Rules[etl.RuleTitleLine] = staged.Titles
	q.Rules[etl.RuleDecodedCP1252] = staged.CP1252Lines
	for _, p := range out.sales {
		q.SalesRows += p.rows
	}
}
