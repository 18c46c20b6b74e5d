package pandas

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Frame is a table that was read.
type Frame struct {
	names []string
	rows  []map[string]json.RawMessage
}

// ParseFrame reads {"schema": {"fields": […]}, "data": [{…}, …]}.
func ParseFrame(text string) (*Frame, error) {
	var in struct {
		Schema struct {
			Fields []struct {
				Name string `json:"name"`
			} `json:"fields"`
		} `json:"schema"`
		Data []map[string]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, fmt.Errorf("%w: table: %w", ErrSyntax, err)
	}
	if in.Data == nil || in.Schema.Fields == nil {
		return nil, fmt.Errorf("%w: table without schema or data", ErrSyntax)
	}
	f := &Frame{rows: in.Data}
	for _, field := range in.Schema.Fields {
		f.names = append(f.names, field.Name)
	}
	return f, nil
}

// Len is the number of rows.
func (f *Frame) Len() int { return len(f.rows) }

// Names are the columns in order.
func (f *Frame) Names() []string { return f.names }

// Has says whether there is a column of that name.
func (f *Frame) Has(name string) bool {
	return slices.Contains(f.names, name)
}

func (f *Frame) column(name string) ([]json.RawMessage, error) {
	if !f.Has(name) {
		return nil, fmt.Errorf("%w: table without column %.40q", ErrSyntax, name)
	}
	out := make([]json.RawMessage, len(f.rows))
	for i, row := range f.rows {
		out[i] = row[name]
	}
	return out, nil
}

// Times are the values of a column of times.
func (f *Frame) Times(name string) ([]time.Time, error) {
	col, err := f.column(name)
	if err != nil {
		return nil, err
	}
	return times(col)
}

// Strings are the values of a column of texts.
func (f *Frame) Strings(name string) ([]string, error) {
	col, err := f.column(name)
	if err != nil {
		return nil, err
	}
	return texts(col)
}

// Numbers are the values of a column of numbers; null is NaN, true is 1.
func (f *Frame) Numbers(name string) ([]float64, error) {
	col, err := f.column(name)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(col))
	for i, raw := range col {
		switch {
		case isNull(raw):
			out[i] = math.NaN()
		case string(raw) == "true":
			out[i] = 1
		case string(raw) == "false":
			out[i] = 0
		default:
			if json.Unmarshal(raw, &out[i]) != nil {
				return nil, fmt.Errorf("%w: %.40s is no number", ErrSyntax, raw)
			}
		}
	}
	return out, nil
}

// Column is a column to be written.
type Column struct {
	name, kind string
	length     int
	value      func(b []byte, i int) []byte
}

// TimeColumn is a column of times.
func TimeColumn(name string, t []time.Time) Column {
	return Column{name, "datetime", len(t), func(b []byte, i int) []byte { return strconv.AppendQuote(b, FormatTime(t[i])) }}
}

// NumberColumn is a column of numbers; NaN is null.
func NumberColumn(name string, v []float64) Column {
	return Column{name, "number", len(v), func(b []byte, i int) []byte { return appendFloat(b, v[i]) }}
}

// IntegerColumn is a column of integers.
func IntegerColumn(name string, v []int) Column {
	return Column{name, "integer", len(v), func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(v[i]), 10) }}
}

// BoolColumn is a column of truth values.
func BoolColumn(name string, v []bool) Column {
	return Column{name, "boolean", len(v), func(b []byte, i int) []byte { return strconv.AppendBool(b, v[i]) }}
}

// StringColumn is a column of texts.
func StringColumn(name string, v []string) Column {
	return Column{name, "string", len(v), func(b []byte, i int) []byte { return append(b, quote(v[i])...) }}
}

// FormatFrame writes columns of equal length. It panics if they are not.
func FormatFrame(columns ...Column) string {
	b := []byte(`{"schema":{"fields":[`)
	rows := 0
	keys := make([]string, len(columns))
	for j, c := range columns {
		if j > 0 {
			b = append(b, ',')
			if c.length != rows {
				panic("pandas: columns of unequal lengths")
			}
		}
		rows = c.length
		keys[j] = quote(c.name)
		b = append(b, `{"name":`...)
		b = append(b, keys[j]...)
		b = append(b, `,"type":"`...)
		b = append(b, c.kind...)
		b = append(b, `"}`...)
	}
	b = append(b, `],"pandas_version":"1.4.0"},"data":[`...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		for j, c := range columns {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, keys[j]...)
			b = append(b, ':')
			b = c.value(b, i)
		}
		b = append(b, '}')
	}
	return string(append(b, "]}"...))
}

// quote is the JSON text of s.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("pandas: text that is no JSON: " + err.Error()) // cannot happen
	}
	return string(b)
}
