package etl

import (
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Quality is quality.json: how the file was read and how many lines met each rule.
type Quality struct {
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
	Giants []Giant `json:"giants"`
}

// Giant is a period that dwarfs the others of its series.
type Giant struct {
	SKU   string      `json:"sku"`
	Store string      `json:"store"`
	Date  retail.Date `json:"date"`
	Units float64     `json:"units"`
}

// NewQuality has every rule, met by no line yet.
func NewQuality() Quality {
	q := Quality{V: run.Version, Rules: map[string]int64{}, Giants: []Giant{}}
	for _, r := range Rules() {
		q.Rules[r.Name] = 0
	}
	return q
}
