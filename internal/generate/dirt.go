package generate

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// Dirt is the share of the history's lines that meet each kind of mishap; together at most
// 1, as a line meets one at most. The first four add a spoiled copy of a line, so that the
// good lines of the file still are the clean file; the others but Duplicate change nothing
// that a reader who follows the rules of CSV would see.
type Dirt struct {
	BadDate    float64 `json:"bad_date"`    // a copy whose date is none
	BadUnits   float64 `json:"bad_units"`   // a copy whose quantity is no number
	FieldCount float64 `json:"field_count"` // a copy with a stray column, or one missing
	NoSKU      float64 `json:"no_sku"`      // a copy without its SKU
	BlankLine  float64 `json:"blank_line"`  // an empty line before the line
	Quoted     float64 `json:"quoted"`      // store and SKU in quotation marks
	Split      float64 `json:"split"`       // the day's units on two lines
	Duplicate  float64 `json:"duplicate"`   // the line twice: its units count twice
}

// Uniform is the same share of every kind.
func Uniform(share float64) Dirt {
	return Dirt{share, share, share, share, share, share, share, share}
}

// Counts is how many lines met each kind. A Split of a line without two units to split does
// not happen and is not counted.
type Counts struct {
	BadDate    int64 `json:"bad_date"`
	BadUnits   int64 `json:"bad_units"`
	FieldCount int64 `json:"field_count"`
	NoSKU      int64 `json:"no_sku"`
	BlankLine  int64 `json:"blank_line"`
	Quoted     int64 `json:"quoted"`
	Split      int64 `json:"split"`
	Duplicate  int64 `json:"duplicate"`
	// DuplicateUnits is what Duplicate adds to the total of the clean file.
	DuplicateUnits int64 `json:"duplicate_units"`
}

// Rejected is the number of lines that a reader must refuse.
func (c Counts) Rejected() int64 { return c.BadDate + c.BadUnits + c.FieldCount + c.NoSKU }

func (d Dirt) shares() [8]float64 {
	return [8]float64{d.BadDate, d.BadUnits, d.FieldCount, d.NoSKU, d.BlankLine, d.Quoted, d.Split, d.Duplicate}
}

func (d Dirt) check() error {
	total := 0.0
	for _, share := range d.shares() {
		if !(share >= 0 && share <= 1) { // also not a number
			return fmt.Errorf("share of dirt %v is not between 0 and 1", share)
		}
		total += share
	}
	if total > 1 {
		return errors.New("shares of dirt add up to more than 1")
	}
	return nil
}

// mess spoils lines. Its stream is its own, so that dirt changes nothing else.
type mess struct {
	rng   *rand.PCG
	until [8]float64 // cumulated shares
	any   bool
	line  []byte
}

func newMess(c Config) *mess {
	m := &mess{rng: stream(c.Seed, streamDirt, 0)}
	total := 0.0
	for i, share := range c.Dirt.shares() {
		total += share
		m.until[i] = total
	}
	m.any = total > 0
	return m
}

// pick chooses one of a few spellings.
func (m *mess) pick(of ...string) string { return of[m.rng.Uint64()%uint64(len(of))] }

// spoil writes a line of the history, in whatever state; it returns how many lines.
func (m *mess) spoil(o *output, l *line) int64 {
	if !m.any {
		o.write(o.sales, l.render(o.buf[:0]))
		return 1
	}
	u := uniform(m.rng)
	kind := 0
	for kind < len(m.until) && u >= m.until[kind] {
		kind++
	}
	n, spoiled := &o.sum.Dirt, *l
	switch kind {
	case 0:
		spoiled.date = m.pick("n/a", "2025-02-30", "0000-00-00", "unknown")
		n.BadDate++
	case 1:
		spoiled.unitsText = m.pick("abc", "1O", "#REF!", "--", "?")
		n.BadUnits++
	case 2:
		spoiled.tail = m.pick(",x", ",0,0", ",,,")
		spoiled.short = m.rng.Uint64()%2 == 0
		n.FieldCount++
	case 3:
		spoiled.sku = ""
		n.NoSKU++
	case 4:
		o.write(o.sales, []byte{'\n'})
		n.BlankLine++
		return 1 + m.plain(o, l)
	case 5:
		spoiled.quoted = true
		n.Quoted++
		return m.plain(o, &spoiled)
	case 6:
		if l.units < 2 {
			return m.plain(o, l)
		}
		first := 1 + int64(m.rng.Uint64()%uint64(l.units-1))
		rest := *l
		spoiled.units, rest.units = first, l.units-first
		n.Split++
		return m.plain(o, &spoiled) + m.plain(o, &rest)
	case 7:
		n.Duplicate++
		n.DuplicateUnits += l.units
		return m.plain(o, l) + m.plain(o, l)
	default:
		return m.plain(o, l)
	}
	return m.plain(o, l) + m.plain(o, &spoiled)
}

func (m *mess) plain(o *output, l *line) int64 {
	m.line = l.render(m.line[:0])
	o.write(o.sales, m.line)
	return 1
}
