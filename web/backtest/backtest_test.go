package backtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	library "github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web/backtest"
	"github.com/skucast/skucast/web/chart"
)

const horizon = 14

// sample is a result of a small seeded shop.
func sample(t testing.TB, n int) backtest.Result {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	m := library.Memory{Horizon: horizon}
	for i := range n {
		s := library.Series{Key: library.Key{SKU: fmt.Sprintf("<i>%d", i), Store: "N&S"}, Season: 7}
		for t := range 120 {
			v := math.Floor(math.Exp(float64(i%4)) * (1 + math.Sin(float64(t))) * 2 * rng.Float64())
			if i%9 == 8 || (t+i)%37 == 0 {
				v = math.NaN()
			}
			s.Y = append(s.Y, v)
		}
		m.Series = append(m.Series, s)
	}
	m.Series[0].Known = nil
	now := time.Unix(0, 0)
	report, err := library.Run(context.Background(), m, library.Settings{
		Horizon: horizon, Windows: 2, Models: library.Models(7), Now: func() time.Time { now = now.Add(time.Millisecond); return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	origin := retail.NewDate(2024, 6, 30)
	return backtest.Result{
		File: "sales <north>.csv", Version: "v1", Frequency: retail.Daily, Origin: origin,
		Mapping: map[string]string{"sku": "item", "date": "day"}, Rows: run.Rows{Read: 1234, Accepted: 1200, Rejected: 34}, SKUs: int64(n),
		Origins: []retail.Date{origin - horizon, origin - 2*horizon}, Report: report,
	}
}

func render(t testing.TB, r backtest.Result) string {
	t.Helper()
	var out bytes.Buffer
	if err := backtest.Render(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// text reads a page as strictly as XML and returns its words.
func text(t *testing.T, source string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict = false
	d.AutoClose = xml.HTMLAutoClose
	d.Entity = xml.HTMLEntity
	var words strings.Builder
	ids, open := map[string]bool{}, []string{}
	var refs []string
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
			attr := map[string]string{}
			for _, a := range tok.Attr {
				attr[a.Name.Local] = a.Value
			}
			if id := attr["id"]; id != "" && ids[id] {
				t.Errorf("two elements are called %q", id)
			}
			ids[attr["id"]] = true
			refs = append(refs, attr["aria-labelledby"], strings.TrimPrefix(attr["href"], "#"))
			if tok.Name.Local == "th" && attr["scope"] == "" {
				t.Error("a table header has no scope")
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != tok.Name.Local {
				t.Fatalf("%s is closed inside %v", tok.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] != "style" {
				words.Write(tok)
			}
		}
	}
	for _, ref := range refs {
		if ref != "" && !ids[ref] {
			t.Errorf("nothing is called %q", ref)
		}
	}
	return strings.ReplaceAll(words.String(), chart.NBSP, " ")
}

func TestPage(t *testing.T) {
	r := sample(t, 20)
	source := render(t, r)
	for _, pattern := range []string{`(?i)https?:`, `(?i)url\(`, `@import`, `<script`, `<link`, `<img`, `(?i)\son\w+=`, `ZgotmplZ`, `NaN`, `%!`, `<i>\d`} {
		if found := regexp.MustCompile(pattern).FindString(source); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	words := text(t, source)
	for _, want := range []string{
		"Backtest of sales <north>.csv", "20 series of 20 SKUs", "14 days ahead", "16 Jun 2024 and 2 Jun 2024",
		"profile level", "seasonal naive", "By kind of demand", "By volume", "By origin", "days ahead", "1-5", "Calibration",
		"<i>", "best", "median", "worst", "ms", "sku = item", "1,234 lines were read", "no inputs that were known",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !strings.Contains(source, `<th scope="col" class="n">2 Jun 2024<`) {
		t.Error("origins are not dates")
	}
	if n := strings.Count(source, `class="actual"`); n < 7 { // 6 examples or 7, and the legend
		t.Errorf("%d drawings of what happened", n)
	}
	if render(t, r) != source {
		t.Error("the same result makes another page")
	}
}

// Coordinates stay inside their drawing.
func TestDrawingsStayInside(t *testing.T) {
	source := render(t, sample(t, 20))
	box := regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`)
	point := regexp.MustCompile(`[ML](-?[\d.]+) (-?[\d.]+)`)
	drawings := 0
	for svg := range strings.SplitSeq(source, "<svg ") {
		size := box.FindStringSubmatch(svg)
		if size == nil {
			continue
		}
		svg, _, _ = strings.Cut(svg, "</svg>")
		var w, h float64
		if _, err := fmt.Sscan(size[1], &w); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(size[2], &h); err != nil {
			t.Fatal(err)
		}
		for _, m := range point.FindAllStringSubmatch(svg, -1) {
			var x, y float64
			if _, err := fmt.Sscan(m[1], &x); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(m[2], &y); err != nil {
				t.Fatal(err)
			}
			drawings++
			if x < 0 || x > w || y < 0 || y > h {
				t.Fatalf("%v, %v lies outside of %v × %v", x, y, w, h)
			}
		}
	}
	if drawings < 500 {
		t.Errorf("only %d points are drawn", drawings)
	}
}

func TestWhatThePageFinds(t *testing.T) {
	has := func(t *testing.T, r backtest.Result, want ...string) {
		t.Helper()
		words := text(t, render(t, r))
		for _, w := range want {
			if !strings.Contains(words, w) {
				t.Errorf("the page does not say %q", w)
			}
		}
	}
	t.Run("blind and drawn", func(t *testing.T) {
		r := sample(t, 20)
		r.Blind = true
		r.Report.Tested = 7
		has(t, r, "knew nothing of the tested periods", "7 series drawn from 20 series")
	})
	t.Run("known inputs", func(t *testing.T) {
		r := sample(t, 20)
		r.Report.Known = []library.Input{{Name: "promo", Series: 12}, {Name: "price", Series: 3}}
		has(t, r, "promo (12 series) and price (3 series)")
	})
	t.Run("defects", func(t *testing.T) {
		r := sample(t, 20)
		r.Report.NFailures = 41
		r.Report.Failures = []library.Failure{{Key: library.Key{SKU: "x", Store: "y"}, Model: "ses", Error: "panic: oh"}}
		has(t, r, "41 forecasts of a model failed", "panic: oh")
	})
	t.Run("losses are said", func(t *testing.T) {
		r := sample(t, 20)
		r.Report.Total[0].FVA = -.25
		r.Report.Classes[0].Scores[0].FVA = -.1
		r.Report.Total[3].RMSSE = .0125
		has(t, r, "25 % worse than repeating", "Seasonal naive would have been better for the demand that is "+r.Report.Classes[0].Name,
			"The single model long mean was better", "RMSSE 0.013 instead of")
	})
	t.Run("short history", func(t *testing.T) {
		r := sample(t, 20)
		r.Report.History[1] = 9
		has(t, r, "At the origin 2 Jun 2024 no series had more than 9 days of history")
	})
	t.Run("next to nothing", func(t *testing.T) {
		r := sample(t, 1)
		r.Report.Examples, r.Report.Timings = nil, nil
		has(t, r, "1 series of 1 SKU,")
	})
}

func TestResultIsJSON(t *testing.T) {
	b, err := json.Marshal(sample(t, 9))
	if err != nil {
		t.Fatal(err)
	}
	var back backtest.Result
	if err := json.Unmarshal(b, &back); err != nil || back.Report.Total[0].Model != library.Product || back.Report.Horizon != horizon {
		t.Errorf("read back: %v", err)
	}
	if !strings.Contains(string(b), `"origins":["2024-06-16","2024-06-02"]`) {
		t.Errorf("origins are not dates: %.300s", b)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestRenderError(t *testing.T) {
	if err := backtest.Render(full{}, sample(t, 3)); !errors.Is(err, io.ErrShortWrite) || !strings.Contains(err.Error(), "sales <north>.csv") {
		t.Errorf("error %v, want one that names the file", err)
	}
}
