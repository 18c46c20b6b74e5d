package etl

import (
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

func TestResolveHeader(t *testing.T) {
	type m = map[string]string
	for _, tt := range []struct {
		name   string
		header string
		rows   []string
		o      run.ETLOptions
		sep    string
		want   m
		reason string
		says   string
	}{
		{name: "plain", header: "date,store,sku,units,price", sep: ",", want: m{"date": "date", "store": "store", "sku": "sku", "units": "units", "price": "price"}},
		{name: "case and punctuation", header: "Invoice Date,STOCK-CODE,Quantity,Unit_Price", sep: ",", want: m{"date": "Invoice Date", "sku": "STOCK-CODE", "units": "Quantity", "price": "Unit_Price"}},
		{name: "german semicolons", header: "Datum;Artikel-Nr.;Stückzahl;Einzelpreis", sep: ";", want: m{"date": "Datum", "sku": "Artikel-Nr.", "units": "Stückzahl", "price": "Einzelpreis"}},
		{name: "tabs", header: "date\titem_nbr\tunit_sales\tonpromotion", sep: "\t", want: m{"date": "date", "sku": "item_nbr", "units": "unit_sales", "promo": "onpromotion"}},
		{name: "comma inside a semicolon header", header: "date;price, EUR;sku;qty;x,y,z,w", sep: ";", want: m{"date": "date", "sku": "sku", "units": "qty"}},
		{name: "quoted", header: `"date","sku","units","a ""b"", c"`, sep: ",", want: m{"date": "date", "sku": "sku", "units": "units"}},
		{name: "spaces around", header: " date , sku , units ", sep: ",", want: m{"date": "date", "sku": "sku", "units": "units"}},
		{name: "best synonym wins", header: "product,sku,date,sales,units", sep: ",", want: m{"date": "date", "sku": "sku", "units": "units"}},
		{name: "map", header: "date,store,item,bottles,dollars", o: run.ETLOptions{Map: m{"sku": "item", "units": "Bottles"}}, sep: ",", want: m{"date": "date", "store": "store", "sku": "item", "units": "bottles"}},
		{name: "map takes a column from its synonym", header: "date,sku,item,units", o: run.ETLOptions{Map: m{"store": "sku"}}, sep: ",", want: m{"date": "date", "store": "sku", "sku": "item", "units": "units"}},
		{name: "map before exact case", header: "date,sku,Units,units", o: run.ETLOptions{Map: m{"units": "Units"}}, sep: ",", want: m{"date": "date", "sku": "sku", "units": "Units"}},
		{name: "regressors", header: "date,sku,units,temp", o: run.ETLOptions{Regressors: []string{"TEMP"}}, sep: ",", want: m{"date": "date", "sku": "sku", "units": "units"}},

		{name: "no date", header: "when,sku,units", reason: ReasonMissingColumn, says: `line 1 has no column for date among "when", "sku", "units"; name it, for example --map date=when`},
		{name: "no sku and no quantity", header: "date,a,b", reason: ReasonMissingColumn, says: "no column for sku, units"},
		{name: "map names nothing", header: "date,sku,units", o: run.ETLOptions{Map: m{"price": "cost"}}, reason: ReasonMissingColumn, says: `no column "cost", which the options name as price; it has "date"`},
		{name: "regressor names nothing", header: "date,sku,units", o: run.ETLOptions{Regressors: []string{"temp"}}, reason: ReasonMissingColumn, says: `"temp"`},
		{name: "two of one name", header: "date,sku,units,Units", reason: ReasonAmbiguousColumn, says: "columns 3 and 4"},
		{name: "mapped name stands twice", header: "date,sku,x,x", o: run.ETLOptions{Map: m{"units": "x"}}, reason: ReasonAmbiguousColumn, says: "columns 3 and 4"},
		{name: "regressor called like a column", header: "date,sku,units,price", o: run.ETLOptions{Regressors: []string{"Price"}}, reason: run.ReasonInvalidOptions, says: "Price"},
		{name: "one column", header: "nothing here", reason: ReasonMissingColumn, says: "nothing here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := ResolveHeader("f.csv", Staged{Header: tt.header, HeaderLine: 1, Sample: tt.rows}, tt.o)
			if tt.reason != "" {
				if event.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("got %q (%v), want %q with %q", event.ReasonOf(err), err, tt.reason, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Separator != tt.sep {
				t.Errorf("separator %q, want %q", h.Separator, tt.sep)
			}
			got := h.Mapping()
			if len(got) != len(tt.want) {
				t.Errorf("mapping %v, want %v", got, tt.want)
			}
			for meaning, header := range tt.want {
				if got[meaning] != header {
					t.Errorf("%s is %q, want %q", meaning, got[meaning], header)
				}
				if h.Fields[h.Columns[meaning].Index-1] != header {
					t.Errorf("%s has index %d, which is %q", meaning, h.Columns[meaning].Index, h.Fields[h.Columns[meaning].Index-1])
				}
			}
		})
	}
}

func TestExcelSeparatorLine(t *testing.T) {
	s := stageText(t, "sep=;\r\ndate;sku;units\r\n2024-01-01;a;1\r\n")
	h, err := ResolveHeader("f.csv", s, run.ETLOptions{})
	if err != nil || h.Separator != ";" || s.HeaderLine != 2 {
		t.Fatalf("separator %q in line %d (%v), want ; in line 2", h.Separator, s.HeaderLine, err)
	}
	s = stageText(t, "sep=|\ndate|sku|units\n2024-01-01|a|1\n")
	if _, err = ResolveHeader("f.csv", s, run.ETLOptions{}); event.ReasonOf(err) != ReasonMissingColumn {
		t.Errorf("separator |: %v", err)
	}
}

// TestSynonyms: a synonym means one thing, and is written as fold writes headers.
func TestSynonyms(t *testing.T) {
	seen := map[string]string{}
	for _, meaning := range run.Columns {
		if len(Synonyms(meaning)) == 0 {
			t.Errorf("%s has no synonyms", meaning)
		}
		if i := slices.Index(Synonyms(meaning), fold(meaning)); i != 0 {
			t.Errorf("%s is not its own first synonym", meaning)
		}
		for _, s := range Synonyms(meaning) {
			if fold(s) != s {
				t.Errorf("synonym %q of %s folds to %q", s, meaning, fold(s))
			}
			if other, ok := seen[s]; ok {
				t.Errorf("synonym %q means %s and %s", s, other, meaning)
			}
			seen[s] = meaning
		}
	}
}

func TestSplitLine(t *testing.T) {
	for _, tt := range []struct {
		name, line, sep string
		want            []string
	}{
		{"plain", "a,b,c", ",", []string{"a", "b", "c"}},
		{"empty fields", ",,", ",", []string{"", "", ""}},
		{"separator in quotes", `"a,b",c`, ",", []string{"a,b", "c"}},
		{"doubled marks", `"a ""b""",c`, ",", []string{`a "b"`, "c"}},
		{"empty quoted", `"",x`, ",", []string{"", "x"}},
		{"mark inside a field", `5" pipe,3" bolt`, ",", []string{`5" pipe`, `3" bolt`}},
		{"never closed", `"a,b`, ",", []string{`"a`, "b"}},
		{"closed too early", `"a"b,c`, ",", []string{`"a"b`, "c"}},
		{"quoted last", `a,"b"`, ",", []string{"a", "b"}},
		{"tab", "a\t\"b\tc\"", "\t", []string{"a", "b\tc"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := splitLine(tt.line, tt.sep); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzResolveHeader(f *testing.F) {
	for _, s := range []string{"date,sku,units", `"date";"sku";"units"`, "a\tb", `",`, `"""`, "date,date,date", ",,,"} {
		f.Add(s, "units", "x")
	}
	f.Fuzz(func(t *testing.T, line, meaning, header string) {
		o := run.ETLOptions{Map: map[string]string{meaning: header}, Regressors: []string{header}}
		for _, o := range []run.ETLOptions{{}, o} {
			h, err := ResolveHeader("f.csv", Staged{Header: line, HeaderLine: 1, Sample: []string{line}}, o)
			if err != nil {
				if !event.IsPermanent(err) {
					t.Fatalf("transient error %v", err)
				}
				continue
			}
			for _, c := range h.Columns {
				if c.Index < 1 || c.Index > len(h.Fields) {
					t.Fatalf("column %+v of %d fields", c, len(h.Fields))
				}
			}
		}
		for _, sep := range separators() {
			if got := len(splitLine(line, sep)); got < 1 || got > strings.Count(line, sep)+1 {
				t.Fatalf("%d fields of %q by %q", got, line, sep)
			}
		}
	})
}
