package prophet

import (
	"slices"
	"strconv"
	"strings"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// Words of column names.
const (
	delim = "_delim_"
	zeros = "zeros"
)

// columns names the columns of the design: seasonalities in order, holidays
// sorted by column name, regressors in order. holidays are the names known to
// the model, in the order of their first occurrence.
func columns(seasonalities []Seasonality, m Model, holidays []string, regressors []FittedRegressor) []Column {
	var out []Column
	for _, s := range seasonalities {
		for i := range 2 * s.Order {
			out = append(out, Column{s.Name + delim + strconv.Itoa(i+1), s.Name, s.PriorScale, s.Mode})
		}
	}
	days := len(out)
	for _, h := range m.Holidays {
		if !slices.Contains(holidays, h.Name) {
			continue // not part of the fit: dropped, as Prophet does
		}
		for offset := h.Lower; offset <= h.Upper; offset++ {
			out = append(out, Column{holidayColumn(h.Name, offset), h.Name, h.PriorScale, m.HolidaysMode})
		}
	}
	slices.SortStableFunc(out[days:], func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	out = append(out[:days], slices.CompactFunc(out[days:], func(a, b Column) bool { return a.Name == b.Name })...)
	for _, r := range regressors {
		out = append(out, Column{r.Name, r.Name, r.PriorScale, r.Mode})
	}
	if len(out) == 0 {
		out = append(out, Column{zeros, zeros, 1, Additive})
	}
	return out
}

func holidayColumn(name string, offset int) string {
	if offset < 0 {
		return name + delim + strconv.Itoa(offset)
	}
	return name + delim + "+" + strconv.Itoa(offset)
}

// holidayNames in the order of their first occurrence.
func holidayNames(holidays []Holiday) []string {
	var out []string
	for _, h := range holidays {
		if !slices.Contains(out, h.Name) {
			out = append(out, h.Name)
		}
	}
	return out
}

// dayColumn is one calendar day on which a column is 1.
type dayColumn struct {
	day    int64
	column int
}

// holidayDays lists the days of all holiday columns, sorted by day and column,
// each pair once. cols are all columns of the design.
func holidayDays(holidays []Holiday, cols []Column) []dayColumn {
	index := map[string]int{}
	for j, c := range cols {
		index[c.Name] = j
	}
	var out []dayColumn
	for _, h := range holidays {
		at, err := wallClock(h.Date)
		if err != nil {
			continue // refused by Validate
		}
		for offset := h.Lower; offset <= h.Upper; offset++ {
			if j, ok := index[holidayColumn(h.Name, offset)]; ok {
				out = append(out, dayColumn{design.DayOf(at) + int64(offset), j})
			}
		}
	}
	slices.SortFunc(out, compareDays)
	return slices.Compact(out)
}

func compareDays(a, b dayColumn) int {
	if a.day != b.day {
		if a.day < b.day {
			return -1
		}
		return 1
	}
	return a.column - b.column
}

// matrix is the design of the history, by columns.
func (f *Fitted) matrix() [][]float64 {
	n := len(f.History.Time)
	cols := make([][]float64, len(f.Columns))
	store := make([]float64, n*len(cols))
	for j := range cols {
		cols[j] = store[j*n : (j+1)*n : (j+1)*n]
	}
	at := make([]int64, n)
	for i, t := range f.History.Time {
		at[i] = t.UnixNano()
	}

	first := 0
	for _, s := range f.Seasonalities {
		terms := make([]float64, 2*s.Order)
		on, conditional := f.History.Conditions[s.Condition]
		for i, ns := range at {
			if conditional && !on[i] {
				continue
			}
			design.FourierTo(terms, design.Days(ns), s.Period)
			for j, v := range terms {
				cols[first+j][i] = v
			}
		}
		first += 2 * s.Order
	}

	days := holidayDays(f.Model.Holidays, f.Columns)
	for i, ns := range at {
		day := design.DayOf(ns)
		from, _ := slices.BinarySearchFunc(days, dayColumn{day, 0}, compareDays)
		for _, d := range days[from:] {
			if d.day != day {
				break
			}
			cols[d.column][i] = 1
		}
	}

	first = len(f.Columns) - len(f.Regressors)
	for k, r := range f.Regressors {
		for i, v := range f.History.Regressors[r.Name] {
			cols[first+k][i] = (v - r.Mean) / r.SD
		}
	}
	return cols
}
