package etl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/skucast/skucast/shared/run"
)

// Column is one used column of a file.
type Column struct {
	Header string `json:"header"`
	Index  int    `json:"index"` // from 1, as SQL counts
}

// Header is what the header line of one file means.
type Header struct {
	Separator  string
	Fields     []string
	Columns    map[string]Column // by meaning (run.Columns)
	Regressors []Column          // in the order of the options
}

// Mapping is meaning → header, for the manifest and for people.
func (h Header) Mapping() map[string]string {
	m := make(map[string]string, len(h.Columns))
	for meaning, c := range h.Columns {
		m[meaning] = c.Header
	}
	return m
}

// Separators that a file may use.
func separators() []string { return []string{",", ";", "\t"} }

// required meanings; without one of them there is nothing to forecast.
func required() []string { return []string{"date", "sku", "units"} }

// ResolveHeader finds the separator and the meaning of each column: first as the options
// name them, then by the table of synonyms. Of several separators the one with which the
// most required columns are found wins, then the one that gives the most fields.
func ResolveHeader(name string, s Staged, o run.ETLOptions) (Header, error) {
	var best Header
	var bestErr error
	bestScore := -1
	for _, sep := range separators() {
		if s.Separator != "" && s.Separator != sep {
			continue
		}
		h, err := resolve(name, s, sep, o)
		score := 2 * len(h.Fields)
		for _, meaning := range required() {
			if _, ok := h.Columns[meaning]; ok {
				score += 1_000_000
			}
		}
		if s.sampleAgrees(sep, len(h.Fields)) {
			score++
		}
		if score > bestScore {
			best, bestErr, bestScore = h, err, score
		}
	}
	if bestScore < 0 {
		return Header{}, refuse(ReasonMissingColumn, "%s names %q as its separator; comma, semicolon and tab are read", name, s.Separator)
	}
	return best, bestErr
}

// HeaderTest reports for a line whether the required columns can be found in it.
func HeaderTest(o run.ETLOptions) func(line string) bool {
	return func(line string) bool {
		for _, sep := range separators() {
			if _, err := resolve("", Staged{Header: line}, sep, o); err == nil {
				return true
			}
		}
		return false
	}
}

// sampleAgrees reports whether every sampled line has n fields.
func (s Staged) sampleAgrees(sep string, n int) bool {
	for _, line := range s.Sample {
		if len(splitLine(line, sep)) != n {
			return false
		}
	}
	return len(s.Sample) > 0
}

func resolve(name string, s Staged, sep string, o run.ETLOptions) (Header, error) {
	h := Header{Separator: sep, Columns: map[string]Column{}}
	for _, f := range splitLine(s.Header, sep) {
		h.Fields = append(h.Fields, strings.TrimSpace(f))
	}
	taken := map[int]bool{}
	for _, meaning := range slices.Sorted(maps.Keys(o.Map)) {
		c, err := h.named(name, s.HeaderLine, meaning, o.Map[meaning])
		if err != nil {
			return h, err
		}
		h.Columns[meaning] = c
		taken[c.Index] = true
	}
	if err := checkRegressors(name, o.Regressors); err != nil {
		return h, err
	}
	for _, r := range o.Regressors {
		c, err := h.named(name, s.HeaderLine, "regressor", r)
		if err != nil {
			return h, err
		}
		h.Regressors = append(h.Regressors, c)
		taken[c.Index] = true
	}
	for _, meaning := range run.Columns {
		if _, ok := h.Columns[meaning]; ok {
			continue
		}
		if err := h.bySynonym(name, s.HeaderLine, meaning, taken); err != nil {
			return h, err
		}
	}
	var missing []string
	for _, meaning := range required() {
		if _, ok := h.Columns[meaning]; !ok {
			missing = append(missing, meaning)
		}
	}
	if len(missing) > 0 {
		return h, refuse(ReasonMissingColumn, "%s line %d has no column for %s among %s; name it, for example --map %s=%s",
			name, s.HeaderLine, strings.Join(missing, ", "), h.list(), missing[0], h.example(taken))
	}
	return h, nil
}

// checkRegressors refuses names that would stand twice in the sales files. Case does not
// tell columns apart there.
func checkRegressors(name string, names []string) error {
	seen := map[string]bool{
		"date": true, "sku": true, "store": true, "units": true, "returned": true, "price": true,
		"promo": true, "open": true, "in_stock": true, "stock": true,
	}
	for _, n := range names {
		key := strings.ToLower(strings.TrimSpace(n))
		if key == "" || seen[key] {
			return refuse(run.ReasonInvalidOptions, "%s: regressor %.40q is empty, named twice, or the name of a known column", name, n)
		}
		seen[key] = true
	}
	return nil
}

// named finds a column by the header that the options give: exactly, or else without
// regard to case and punctuation.
func (h Header) named(name string, line int64, meaning, header string) (Column, error) {
	header = strings.TrimSpace(header)
	for _, same := range []func(string) bool{
		func(f string) bool { return f == header },
		func(f string) bool { return fold(f) == fold(header) },
	} {
		var found []int
		for i, f := range h.Fields {
			if same(f) {
				found = append(found, i)
			}
		}
		switch {
		case len(found) > 1:
			return Column{}, refuse(ReasonAmbiguousColumn, "%s line %d: columns %d and %d are both called %q", name, line, found[0]+1, found[1]+1, header)
		case len(found) == 1:
			return Column{Header: h.Fields[found[0]], Index: found[0] + 1}, nil
		}
	}
	return Column{}, refuse(ReasonMissingColumn, "%s line %d has no column %q, which the options name as %s; it has %s", name, line, header, meaning, h.list())
}

// bySynonym finds a column by the table; the first synonym of a meaning that some column
// bears wins, so that "sku" comes before "product".
func (h *Header) bySynonym(name string, line int64, meaning string, taken map[int]bool) error {
	folded := make([]string, len(h.Fields))
	for i, f := range h.Fields {
		folded[i] = fold(f)
	}
	for _, synonym := range Synonyms(meaning) {
		i := slices.Index(folded, synonym)
		if i < 0 || taken[i+1] {
			continue
		}
		if j := slices.Index(folded[i+1:], synonym); j >= 0 {
			return refuse(ReasonAmbiguousColumn, "%s line %d: columns %d and %d both read as %s (%q and %q); rename one or use --map %s=…",
				name, line, i+1, i+j+2, meaning, h.Fields[i], h.Fields[i+j+1], meaning)
		}
		h.Columns[meaning] = Column{Header: h.Fields[i], Index: i + 1}
		taken[i+1] = true
		return nil
	}
	return nil
}

// list shows the headers for a message, cut after 20.
func (h Header) list() string {
	var shown []string
	for i, f := range h.Fields {
		if i == 20 {
			shown = append(shown, fmt.Sprintf("… (%d in all)", len(h.Fields)))
			break
		}
		shown = append(shown, fmt.Sprintf("%.40q", f))
	}
	return strings.Join(shown, ", ")
}

// example is a header that could be meant: the first that nothing else uses.
func (h Header) example(taken map[int]bool) string {
	for i, f := range h.Fields {
		if !taken[i+1] && f != "" {
			return f
		}
	}
	return "<header>"
}

// fold reduces a header to what is compared: lower case, letters and digits only, the
// German and French letters of the synonym table without their marks.
func fold(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == 'ü':
			b.WriteString("ue")
		case r == 'ö':
			b.WriteString("oe")
		case r == 'ä':
			b.WriteString("ae")
		case r == 'ß':
			b.WriteString("ss")
		case r == 'é', r == 'è', r == 'ê':
			b.WriteByte('e')
		case r == 'í':
			b.WriteByte('i')
		case r == 'á', r == 'à':
			b.WriteByte('a')
		case r == 'ó':
			b.WriteByte('o')
		case r > 0x7F && r != '\u00a0':
			b.WriteRune(r)
		}
	}
	return b.String()
}

// splitLine splits one line as the shared SQL does: a field that begins with a quotation
// mark ends at the closing one that a separator follows, and doubled marks are one.
func splitLine(line, sep string) []string {
	if !strings.Contains(line, `"`) {
		return strings.Split(line, sep)
	}
	var fields []string
	for rest := line + sep; rest != ""; {
		end := quotedEnd(rest, sep)
		field := rest[:max(end, 0)]
		if end < 0 {
			end = strings.Index(rest, sep)
			field = rest[:end]
		} else {
			field = strings.ReplaceAll(field[1:end-1], `""`, `"`)
		}
		fields = append(fields, field)
		rest = rest[end+len(sep):]
	}
	return fields
}

// quotedEnd is the length of the quoted field, with its marks, at the start of s; −1 if
// there is none that a separator follows.
func quotedEnd(s, sep string) int {
	if s[0] != '"' {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
		case i+1 < len(s) && s[i+1] == '"':
			i++
		case strings.HasPrefix(s[i+1:], sep):
			return i + 1
		default:
			return -1
		}
	}
	return -1
}
