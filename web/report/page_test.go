package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web/chart"
)

// page is what a test wants to know of a rendered report.
type page struct {
	elements map[string]int
	attrs    []xml.Attr
	ids      map[string]int
	text     string
}

// parse reads a report as strictly as XML: every element is closed in its place.
func parse(t *testing.T, source string) page {
	t.Helper()
	p := page{elements: map[string]int{}, ids: map[string]int{}}
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict = false
	d.AutoClose = xml.HTMLAutoClose
	d.Entity = xml.HTMLEntity
	var text strings.Builder
	var open []string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			open = append(open, tok.Name.Local)
			p.elements[tok.Name.Local]++
			p.attrs = append(p.attrs, tok.Attr...)
			attr := map[string]string{}
			for _, a := range tok.Attr {
				attr[a.Name.Local] = a.Value
			}
			if id := attr["id"]; id != "" {
				p.ids[id]++
			}
			switch {
			case tok.Name.Local == "th" && attr["scope"] == "":
				t.Error("a table header has no scope")
			case tok.Name.Local == "svg" && attr["aria-hidden"] == "" && (attr["role"] != "img" || attr["aria-labelledby"] == ""):
				t.Error("a drawing has no description")
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != tok.Name.Local {
				t.Fatalf("%s is closed inside %v", tok.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] != "style" {
				text.Write(tok)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("never closed: %v", open)
	}
	p.text = strings.ReplaceAll(text.String(), chart.NBSP, " ")
	return p
}

func TestPage(t *testing.T) {
	source := render(t, sample())
	p := parse(t, source)
	for _, pattern := range []string{`(?i)https?:`, `(?i)url\(`, `@import`, `<script`, `<link`, `<img`, `(?i)\son\w+=`, `ZgotmplZ`, `NaN`, `%!`} {
		if found := regexp.MustCompile(pattern).FindString(source); found != "" {
			t.Errorf("the page holds %q: it must be one file without network or script", found)
		}
	}
	for _, a := range p.attrs {
		switch a.Name.Local {
		case "href":
			if id, ok := strings.CutPrefix(a.Value, "#"); !ok || p.ids[id] == 0 {
				t.Errorf("link to %s leads nowhere", a.Value)
			}
		case "aria-labelledby":
			if p.ids[a.Value] == 0 {
				t.Errorf("label %s does not exist", a.Value)
			}
		case "src":
			t.Errorf("the page loads %s", a.Value)
		}
	}
	for id, n := range p.ids {
		if n > 1 {
			t.Errorf("id %s appears %d times", id, n)
		}
	}
	if p.elements["figure"] != 13 || p.elements["table"] != 9 {
		t.Errorf("%d figures and %d tables, want 13 and 9", p.elements["figure"], p.elements["table"])
	}
	for _, want := range []string{
		"Forecasts for north-shops",
		"28 days ahead, 3 Jun 2024 to 30 Jun 2024, from sales up to 2 Jun 2024.",
		"the forecasts are 19 % better than repeating the same weekday of last week.",
		"86 % of the actual sales fell inside the range that is meant to hold 80 % of them: the ranges can be relied on.",
		"30,481", "of 30,490; 3,049 SKUs", "RMSSE 0.782 instead of 0.961", "+18.6 %",
		"58,327,370 lines were read: 58,326,201 were used and 1,169 left out.",
		"date_unreadable", "48,120", "3 min 8 s", "incoming/north-shops/sales-2024-06-02.csv.gz", "412.3 MB",
		strings.Repeat("ef", 32), strings.Repeat("cd", 32), "v0.1.0-12-gabcdef0", "HOUSEHOLD_1_133", "−4.4 %",
		"the file arrived", "853,468 forecast rows in 2 files",
	} {
		if !strings.Contains(p.text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(p.text, "off_grid") {
		t.Error("a rule without lines is listed")
	}
}

func TestHostileNames(t *testing.T) {
	plain := parse(t, render(t, sample()))
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'; --`, `</title></svg><b>`, `{{.Run}}`, `javascript:alert(1)`, "</style>", `<!--`, "日本 & co",
	} {
		t.Run(evil, func(t *testing.T) {
			d := sample()
			d.Run.Feed, d.Run.Source.Blob, d.Run.Source.ETag, d.Run.CodeVersion, d.Reason = evil, evil, evil, evil, evil
			for i := range d.Fans {
				r := &d.Fans[i].Series.Row
				r.SKU, r.Store, r.Model, r.Class = evil, evil, evil, evil
			}
			for i := range d.Summary.Worst {
				r := &d.Summary.Worst[i].Row
				r.SKU, r.Store, r.Model, r.Class = evil, evil, evil, evil
			}
			for i := range d.Quality {
				d.Quality[i].Name, d.Quality[i].Meaning, d.Quality[i].Effect = evil, evil, evil
			}
			d.Summary.ByModel = map[string]*products.Accuracy{evil: d.Summary.ByModel["tsb"], "a": {}, "b": {}}
			p := parse(t, render(t, d))
			if p.elements["tr"] != plain.elements["tr"] {
				t.Errorf("%d rows, want %d", p.elements["tr"], plain.elements["tr"])
			}
			for name := range p.elements {
				if plain.elements[name] == 0 {
					t.Errorf("a name became the element %s", name)
				}
			}
			for _, a := range p.attrs {
				if strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("a name became the attribute %s", a.Name.Local)
				}
			}
			if !strings.Contains(p.text, evil) {
				t.Error("the name is not shown as it is")
			}
		})
	}
}

func TestFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(d *Data)
		want   []string
		not    []string
	}{
		"worse than naive": {
			func(d *Data) { d.Summary.Total.SumRMSSE = 1.1 * d.Summary.Total.SumSNaive },
			[]string{"10 % worse than repeating", "−10.0 %"},
			nil,
		},
		"too narrow": {
			func(d *Data) {
				d.Summary.Total.Below[8], d.Summary.Total.AtOrBelow[8] = d.Summary.Total.NScored/2, d.Summary.Total.NScored/2
			},
			[]string{"not reliable everywhere", "off"},
			[]string{"can be relied on"},
		},
		"nothing scored": {
			func(d *Data) { d.Summary.Total, d.Summary.Worst = products.Accuracy{Series: 5}, nil },
			[]string{"accuracy is unknown"},
			[]string{"better than repeating", "Calibration", "Hardest"},
		},
		"nothing sold": {
			func(d *Data) { a := &d.Summary.Total; a.AbsActual, a.Scaled, a.SumRMSSE, a.SumSNaive = 0, 0, 0, 0 },
			[]string{"inside the range"},
			[]string{"better than repeating", "worse than", "of what was sold"},
		},
		"weekly": {
			func(d *Data) { d.Run.Frequency, d.Grid.Frequency, d.Run.Horizon = retail.Weekly, retail.Weekly, 13 },
			[]string{"13 weeks ahead, 9 Jun 2024 to 1 Sep 2024", "the same week of last year", "Units a week"},
			nil,
		},
		"month ends": {
			func(d *Data) {
				d.Grid = retail.Grid{Frequency: retail.Monthly, Origin: retail.NewDate(2024, 1, 31), MonthEnd: true}
				d.Run.Frequency, d.Run.Origin, d.Run.Horizon = retail.Monthly, d.Grid.Origin, 1
			},
			[]string{"1 month ahead, 29 Feb 2024 to 29 Feb 2024, from sales up to 31 Jan 2024"},
			nil,
		},
		"no fans, no rejects, no rules": {
			func(d *Data) { d.Fans, d.Quality, d.Run.Rows = nil, nil, run.Rows{Read: 5, Accepted: 5} },
			[]string{"5 lines were read: 5 were used and 0 left out.", "No rule had anything"},
			[]string{"rejects.csv", "The largest series"},
		},
		"duplicate": {
			func(d *Data) { other := strings.Repeat("77", 32); d.Run.DuplicateOf = &other },
			[]string{"Same content as run", strings.Repeat("77", 32)},
			nil,
		},
		"schedule": {
			func(d *Data) { d.Reason = run.ReasonSchedule("2024-06-03") },
			[]string{"retraining was due on 2024-06-03"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := sample()
			tc.change(&d)
			p := parse(t, render(t, d))
			for _, want := range tc.want {
				if !strings.Contains(p.text, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(p.text, not) {
					t.Errorf("the page says %q", not)
				}
			}
		})
	}
}

func TestEmptyRun(t *testing.T) {
	parse(t, render(t, Data{Summary: &products.Summary{}, Fans: []Fan{{}}}))
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestRenderError(t *testing.T) {
	if err := Render(full{}, sample()); !errors.Is(err, io.ErrShortWrite) || !strings.Contains(err.Error(), "abababababab") {
		t.Errorf("error %v, want one that names the run", err)
	}
}

func TestFanStaysInside(t *testing.T) {
	number := regexp.MustCompile(`[ML](-?[\d.]+) (-?[\d.]+)`)
	for i, f := range append(sample().Fans, Fan{Forecast: sample().Fans[0].Forecast[:1]}, Fan{History: sample().Fans[0].History}) {
		v := newFan(i, f, retail.Daily)
		for _, path := range []string{v.Wide, v.Middle, v.Narrow, v.Median, v.Mean, v.History} {
			for _, m := range number.FindAllStringSubmatch(path, -1) {
				var x, y float64
				if _, err := fmt.Sscan(m[1], &x); err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Sscan(m[2], &y); err != nil {
					t.Fatal(err)
				}
				if x < fanLeft || x > fanRight || y < fanTop || y > fanBottom {
					t.Fatalf("fan %d draws at %v, %v", i, x, y)
				}
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	d := sample()
	for b.Loop() {
		render(b, d)
	}
}
