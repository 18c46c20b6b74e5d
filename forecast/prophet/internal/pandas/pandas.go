// Package pandas reads and writes the two forms of JSON in which the Python
// package stores tables inside a model: a series (orient "split") and a frame
// (orient "table", without index). Times have no time zone: they are UTC here.
package pandas

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// ErrSyntax means that a text is not in the form that was expected.
var ErrSyntax = errors.New("pandas: not the expected form")

// layouts of times without a zone; a fraction of a second is read with either.
const (
	layout      = "2006-01-02T15:04:05"
	layoutSpace = "2006-01-02 15:04:05"
	layoutDay   = "2006-01-02"
	layoutMilli = "2006-01-02T15:04:05.000"
	layoutNano  = "2006-01-02T15:04:05.000000000"
)

// FormatTime is the text of a time, to milliseconds if that is exact.
func FormatTime(t time.Time) string {
	if t.Nanosecond()%1e6 == 0 {
		return t.UTC().Format(layoutMilli)
	}
	return t.UTC().Format(layoutNano)
}

// parseTime reads text or milliseconds since 1970. Times with a zone are
// converted to UTC.
func parseTime(raw json.RawMessage) (time.Time, error) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		var ms float64
		if json.Unmarshal(raw, &ms) != nil || isNull(raw) || !(math.Abs(ms) < 1e13) {
			return time.Time{}, fmt.Errorf("%w: %.40s is no time", ErrSyntax, raw)
		}
		return time.UnixMilli(int64(ms)).UTC(), nil
	}
	for _, l := range [...]string{layout, time.RFC3339Nano, layoutSpace, layoutDay} {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q is no time", ErrSyntax, s)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// Series is a named column.
type Series struct {
	Name string
	data []json.RawMessage
}

// ParseSeries reads {"name": …, "index": […], "data": […]}.
func ParseSeries(text string) (Series, error) {
	var in struct {
		Name *string           `json:"name"`
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return Series{}, fmt.Errorf("%w: series: %w", ErrSyntax, err)
	}
	if in.Data == nil {
		return Series{}, fmt.Errorf("%w: series without data", ErrSyntax)
	}
	s := Series{data: in.Data}
	if in.Name != nil {
		s.Name = *in.Name
	}
	return s, nil
}

// Times are the values, all of which must be times.
func (s Series) Times() ([]time.Time, error) { return times(s.data) }

// Strings are the values, all of which must be text.
func (s Series) Strings() ([]string, error) { return texts(s.data) }

func times(data []json.RawMessage) ([]time.Time, error) {
	out := make([]time.Time, len(data))
	for i, raw := range data {
		var err error
		if out[i], err = parseTime(raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func texts(data []json.RawMessage) ([]string, error) {
	out := make([]string, len(data))
	for i, raw := range data {
		if isNull(raw) || json.Unmarshal(raw, &out[i]) != nil {
			return nil, fmt.Errorf("%w: %.40s is no text", ErrSyntax, raw)
		}
	}
	return out, nil
}

// FormatTimes is a series of times.
func FormatTimes(name string, t []time.Time) string {
	data := make([]string, len(t))
	for i, v := range t {
		data[i] = FormatTime(v)
	}
	return FormatStrings(name, data)
}

// FormatStrings is a series of texts.
func FormatStrings(name string, data []string) string {
	index := make([]int, len(data))
	for i := range index {
		index[i] = i
	}
	if data == nil {
		data = []string{}
	}
	out, err := json.Marshal(struct {
		Name  string   `json:"name"`
		Index []int    `json:"index"`
		Data  []string `json:"data"`
	}{name, index, data})
	if err != nil {
		panic("pandas: text that is no JSON: " + err.Error()) // cannot happen
	}
	return string(out)
}

// appendFloat appends a number; NaN is null.
func appendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
