package sales

import "github.com/skucast/skucast/shared/retail"

// Flag is a yes or no that may be unknown; the zero value is unknown.
type Flag int8

// The values of a Flag.
const (
	Unknown Flag = iota
	No
	Yes
)

// Row is one period of a series as the ETL wrote it. Numbers are NaN where the input said
// nothing.
type Row struct {
	Date    retail.Date
	Promo   Flag
	Open    Flag
	InStock Flag
	Units   float64 // sold, in the input's unit
	Price   float64 // per unit, quantity-weighted
	Stock   float64 // on hand
	// Regressors are the manifest's regressors, in its order.
	Regressors []float64
}

// Series is one history in date order. Rows are read-only and valid until the iteration
// moves on.
type Series struct {
	Key  retail.SeriesKey
	Rows []Row
}
