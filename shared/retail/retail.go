// Package retail is the vocabulary of the shop: SKUs, stores, series, and the time grid
// that all series of a run share.
package retail

import (
	"cmp"
	"fmt"
	"strings"
)

// SKU identifies an article. SKUs are compared byte by byte.
type SKU string

// Store identifies a place that sells. Stores are compared byte by byte.
type Store string

// AllStores is the store of an input that names none.
const AllStores Store = "all"

// SeriesKey identifies one history: a SKU in a store.
type SeriesKey struct {
	SKU   SKU
	Store Store
}

// Compare orders series by SKU, then store, in byte order: the order of every file.
func (k SeriesKey) Compare(o SeriesKey) int {
	return cmp.Or(strings.Compare(string(k.SKU), string(o.SKU)), strings.Compare(string(k.Store), string(o.Store)))
}

// String is for people: "SKU 4711 in store 12".
func (k SeriesKey) String() string { return fmt.Sprintf("SKU %s in store %s", k.SKU, k.Store) }
