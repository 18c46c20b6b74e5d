package run

import (
	"crypto/sha256"
	"errors"
	"iter"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	d := Drop{Container: "raw-data", Blob: "incoming/a.csv", ETag: "0x1"}
	base := ETLID(d, ETLOptions{}, 0)
	if !IsID(base) || base != ETLID(d, ETLOptions{}, 0) {
		t.Fatalf("etl_id %q is not a stable 64-digit id", base)
	}
	others := map[string]string{
		"etag":    ETLID(Drop{"raw-data", "incoming/a.csv", "0x2"}, ETLOptions{}, 0),
		"options": ETLID(d, ETLOptions{Freq: "W"}, 0),
		"attempt": ETLID(d, ETLOptions{}, 1),
		"cut":     ETLID(Drop{"raw-dataincoming", "/a.csv", "0x1"}, ETLOptions{}, 0),
	}
	for what, id := range others {
		if id == base {
			t.Errorf("a different %s gives the same etl_id", what)
		}
	}
	if ID(base, RunOptions{Horizon: 7}, ReasonDrop) == ID(base, RunOptions{Horizon: 8}, ReasonDrop) {
		t.Error("another horizon is the same run")
	}
	if ContentKey("x", Options{Retrain: "off"}, "1") != ContentKey("x", Options{}, "1") {
		t.Error("the retraining schedule changes what a run computes")
	}
	if got, want := MessageID(base, "00000007", 2), base[:32]+"/00000007~2"; got != want {
		t.Errorf("message id %q, want %q", got, want)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	got := string(Canonical(struct {
		B float64        `json:"b"`
		A string         `json:"a"`
		M map[string]any `json:"m"`
	}{0.1, "<&>", map[string]any{"z": int64(1) << 60, "k": nil}}))
	if want := `{"a":"<&>","b":0.1,"m":{"k":null,"z":1152921504606846976}}`; got != want {
		t.Errorf("canonical %s, want %s", got, want)
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	for blob, want := range map[string]string{
		"incoming/a.csv": "default", "incoming/shop/a.csv": "shop", "incoming/shop/2026/a.csv.gz": "shop",
		"incoming/_feed.json": "", "incoming/shop/_feed.json": "", "incoming/a.csv.options.json": "",
		"other/a.csv": "", "incoming/": "", "incoming/a.csv.tmp": "", "incoming/a.part": "", "incoming/a.csv~": "", "incoming/.a.csv": "", "incoming/shop/": "", "incoming/_tmp/a.csv": "",
	} {
		feed, ok := Feed(blob)
		if feed != want || ok != (want != "") {
			t.Errorf("Feed(%q) = %q, %t; want %q", blob, feed, ok, want)
		}
	}
}

func TestOptionsMerge(t *testing.T) {
	t.Parallel()
	feed, err := Options{}.Merge("_feed.json", []byte(`{"map":{"sku":"item","units":"qty"},"horizon":14,"retrain":"weekly:mon"}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := feed.Merge("a.csv.options.json", []byte(`{"map":{"units":"bottles"},"freq":"W"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Map["sku"] != "item" || got.Map["units"] != "bottles" || got.Horizon != 14 || got.Freq != "W" {
		t.Errorf("merged options %+v", got)
	}
	if feed.Map["units"] != "qty" {
		t.Error("merging changed the layer below")
	}
	for _, bad := range []string{
		`{"horizont":3}`, `{"horizon":-1}`, `{"horizon":100000}`, `{"freq":"Q"}`, `{"missing":"maybe"}`, `{"map":{"shop":"x"}}`,
		`{"map":{"sku":""}}`, `{"retrain":"monthly:31"}`, `{"date_order":"ymd"}`, `[]`, `{`, `{} {}`,
	} {
		_, err := Options{}.Merge("f.json", []byte(bad))
		if !event.IsPermanent(err) || !strings.Contains(err.Error(), "f.json") {
			t.Errorf("options %s: error %v, want a permanent one that names the file", bad, err)
		}
	}
}

func FuzzOptionsMerge(f *testing.F) {
	f.Add([]byte(`{"map":{"sku":"item"},"horizon":14,"retrain":"weekly:mon"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Options{}.Merge("f", b)
		if err != nil {
			return
		}
		again, err := Options{}.Merge("f", Canonical(o))
		if err != nil || string(Canonical(again)) != string(Canonical(o)) {
			t.Errorf("%s does not survive its canonical form: %v", Canonical(o), err)
		}
	})
}

func TestDigestIsASum(t *testing.T) {
	t.Parallel()
	mod := new(big.Int).Lsh(big.NewInt(1), 256)
	err := quick.Check(func(lines [][]byte, seed uint64) bool {
		var d, shuffled Digest
		sum := new(big.Int)
		for _, l := range lines {
			d.AddLine(l)
			h := sha256.Sum256(l)
			sum.Add(sum, new(big.Int).SetBytes(h[:]))
		}
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		for _, l := range lines {
			var one Digest
			one.AddLine(l)
			shuffled.Add(one)
		}
		return d == shuffled && new(big.Int).SetBytes(d[:]).Cmp(sum.Mod(sum, mod)) == 0
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

func index(series ...Series) iter.Seq2[Series, error] {
	return func(yield func(Series, error) bool) {
		for _, s := range series {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	small := Packing{MaxSeries: 3, MaxRows: 100, PackedAbove: 4}
	s := func(file, sku string, first, rows int64) Series { return Series{file, sku, first, rows} }
	cases := []struct {
		name  string
		skus  int64
		index []Series
		want  []Unit
	}{
		{"none", 0, nil, nil},
		{
			"a SKU is a unit", 2,
			[]Series{s("f", "a", 0, 10), s("f", "a", 10, 10), s("f", "b", 20, 10)},
			[]Unit{{0, "f", 0, 20, 0, 2}, {1, "f", 20, 10, 2, 1}},
		},
		{
			"too many series", 1,
			[]Series{s("f", "a", 0, 1), s("f", "a", 1, 1), s("f", "a", 2, 1), s("f", "a", 3, 1)},
			[]Unit{{0, "f", 0, 3, 0, 3}, {1, "f", 3, 1, 3, 1}},
		},
		{
			"too many rows", 1,
			[]Series{s("f", "a", 0, 60), s("f", "a", 60, 60), s("f", "a", 120, 500)},
			[]Unit{{0, "f", 0, 60, 0, 1}, {1, "f", 60, 60, 1, 1}, {2, "f", 120, 500, 2, 1}},
		},
		{
			"packed", 5,
			[]Series{s("f", "a", 0, 1), s("f", "b", 1, 1), s("f", "c", 2, 1), s("f", "d", 3, 1), s("g", "e", 0, 1)},
			[]Unit{{0, "f", 0, 3, 0, 3}, {1, "f", 3, 1, 3, 1}, {2, "g", 0, 1, 4, 1}},
		},
		{
			"packed around a large SKU", 5,
			[]Series{s("f", "a", 0, 1), s("f", "b", 1, 90), s("f", "b", 91, 90), s("f", "c", 181, 1), s("f", "d", 182, 1)},
			[]Unit{{0, "f", 0, 1, 0, 1}, {1, "f", 1, 90, 1, 1}, {2, "f", 91, 90, 2, 1}, {3, "f", 181, 2, 3, 2}},
		},
		{
			"same SKU in two files", 1,
			[]Series{s("f", "a", 0, 1), s("g", "a", 0, 1)},
			[]Unit{{0, "f", 0, 1, 0, 1}, {1, "g", 0, 1, 1, 1}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []Unit
			for u, err := range Units(index(c.index...), c.skus, small) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, u)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("units %v\nwant  %v", got, c.want)
			}
		})
	}
}

func TestUnitsPassOnAnIndexError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	seq := func(yield func(Series, error) bool) {
		_ = yield(Series{File: "f", SKU: "a", Rows: 1}, nil) && yield(Series{}, broken)
	}
	var got error
	for _, err := range Units(seq, 1, DefaultPacking) {
		got = err
	}
	if !errors.Is(got, broken) {
		t.Errorf("error %v, want the index's", got)
	}
}

func TestBitset(t *testing.T) {
	t.Parallel()
	s := doneUnits(9, 0, 8, 8)
	if got := s.Done.Missing(9); !slices.Equal(got, []int{1, 2, 3, 4, 5, 6, 7}) || s.Done.Count() != 2 {
		t.Errorf("missing %v, count %d", got, s.Done.Count())
	}
	if got := s.Done.Members(9); !slices.Equal(got, []int{0, 8}) {
		t.Errorf("members %v", got)
	}
	for _, u := range []int{-1, 9, 15, 1 << 30} {
		if s.Finish(u) == nil {
			t.Errorf("unit %d of 9 was accepted", u)
		}
	}
	text, _ := s.Done.MarshalText()
	var back Bitset
	if err := back.UnmarshalText(text); err != nil || !slices.Equal(back, s.Done) {
		t.Errorf("bitset %v came back as %v (%v)", s.Done, back, err)
	}
}

func TestRetrainDue(t *testing.T) {
	t.Parallel()
	date := func(s string) retail.Date { d, _ := retail.ParseDate(s); return d }
	cases := []struct{ schedule, now, last, want string }{
		{"off", "2026-03-04", "2020-01-01", ""},
		{"", "2026-03-04", "2020-01-01", ""},
		{"weekly:mon", "2026-03-04", "2026-02-25", "2026-03-02"},
		{"weekly:wed", "2026-03-04", "2026-02-25", "2026-03-04"},
		{"weekly:thu", "2026-03-04", "2026-02-25", "2026-02-26"},
		{"weekly:mon", "2026-03-04", "2026-03-02", ""},
		{"monthly:5", "2026-03-04", "2026-01-01", "2026-02-05"},
		{"monthly:4", "2026-03-04", "2026-03-03", "2026-03-04"},
		{"monthly:28", "2026-01-03", "2025-12-01", "2025-12-28"},
		{"monthly:28", "2026-01-03", "2025-12-28", ""},
	}
	for _, c := range cases {
		at := date(c.now).Time().Add(13 * time.Hour)
		got, ok := RetrainDue(c.schedule, at, date(c.last))
		if ok != (c.want != "") || ok && got != date(c.want) {
			t.Errorf("%s at %s after %s: %s %t, want %q", c.schedule, c.now, c.last, got, ok, c.want)
		}
	}
}

func TestDropsToClaim(t *testing.T) {
	t.Parallel()
	b := func(name string, age time.Duration) blobstore.Info {
		return blobstore.Info{Name: "raw-data/incoming/" + name, LastModified: ago(age)}
	}
	const day = 24 * time.Hour
	got := DropsToClaim([]blobstore.Info{
		b("old.csv", 90*day), b("older.csv", 91*day), b("shop/new.csv", day), b("shop/newer.csv", time.Hour),
		b("_feed.json", time.Hour), b("shop/new.csv.options.json", time.Hour), b("shop/growing.csv", time.Second),
	}, now, 3*time.Second, 7*day)
	var names []string
	for _, x := range got {
		names = append(names, strings.TrimPrefix(x.Name, "raw-data/incoming/"))
	}
	if want := []string{"old.csv", "shop/new.csv", "shop/newer.csv"}; !slices.Equal(names, want) {
		t.Errorf("claims %v, want %v", names, want)
	}
}

func TestLatestNewer(t *testing.T) {
	t.Parallel()
	base := Latest{Origin: 100, LastModified: now, Ordinal: 1}
	for _, newer := range []Latest{
		{Origin: 101, LastModified: ago(time.Hour)},
		{Origin: 100, LastModified: now.Add(time.Second)},
		{Origin: 100, LastModified: now, Ordinal: 2},
	} {
		if !newer.Newer(base) || base.Newer(newer) {
			t.Errorf("%+v is not newer than %+v", newer, base)
		}
	}
	if base.Newer(base) {
		t.Error("a run is newer than itself")
	}
}
