package run

import "iter"

// Series is what cutting needs to know of one row of the series index.
type Series struct {
	File     string
	SKU      string
	FirstRow int64
	Rows     int64
}

// Unit is one training message: a contiguous row range of one file.
type Unit struct {
	Ordinal     int
	File        string
	FirstRow    int64
	Rows        int64
	FirstSeries int64
	NSeries     int64
}

// Units cuts the series index, in its order, into units: one SKU with all its stores,
// split when it exceeds the packing's limits; with more than PackedAbove SKUs, neighbours
// in a file share a unit as far as the limits allow. The same index and packing always
// give the same units, so a unit's ordinal is enough to name it. Memory is one SKU.
func Units(index iter.Seq2[Series, error], skus int64, p Packing) iter.Seq2[Unit, error] {
	return func(yield func(Unit, error) bool) {
		c := cutter{packing: p, packed: skus > p.PackedAbove, yield: yield}
		for s, err := range index {
			if err != nil {
				yield(Unit{}, err)
				return
			}
			if !c.add(s) {
				return
			}
		}
		if c.endSKU() {
			c.flush()
		}
	}
}

type cutter struct {
	packing Packing
	packed  bool
	yield   func(Unit, error) bool
	next    int   // ordinal of the next unit
	series  int64 // series seen so far

	open    Unit   // unit that later SKUs may still join; NSeries 0 is none
	sku     []Unit // the pieces of the SKU being read
	skuName string
}

func (c *cutter) add(s Series) bool {
	if len(c.sku) > 0 && (c.skuName != s.SKU || c.sku[0].File != s.File) {
		if !c.endSKU() {
			return false
		}
	}
	c.skuName = s.SKU
	one := Unit{File: s.File, FirstRow: s.FirstRow, Rows: s.Rows, FirstSeries: c.series, NSeries: 1}
	c.series++
	if n := len(c.sku); n > 0 && c.fits(c.sku[n-1], one) {
		c.sku[n-1] = join(c.sku[n-1], one)
	} else {
		c.sku = append(c.sku, one)
	}
	return true
}

// endSKU moves the pieces of the SKU that was read to the open unit or out.
func (c *cutter) endSKU() bool {
	for i, piece := range c.sku {
		whole := len(c.sku) == 1
		if i == 0 && whole && c.packed && c.open.NSeries > 0 && c.open.File == piece.File && c.fits(c.open, piece) {
			c.open = join(c.open, piece)
			continue
		}
		if !c.flush() {
			return false
		}
		c.open = piece
		if !c.packed || !whole {
			if !c.flush() {
				return false
			}
		}
	}
	c.sku = c.sku[:0]
	return true
}

func (c *cutter) flush() bool {
	if c.open.NSeries == 0 {
		return true
	}
	c.open.Ordinal = c.next
	c.next++
	ok := c.yield(c.open, nil)
	c.open = Unit{}
	return ok
}

func (c *cutter) fits(a, b Unit) bool {
	return a.NSeries+b.NSeries <= int64(c.packing.MaxSeries) && a.Rows+b.Rows <= c.packing.MaxRows
}

func join(a, b Unit) Unit {
	a.Rows += b.Rows
	a.NSeries += b.NSeries
	return a
}
