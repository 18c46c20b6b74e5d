package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writePeer makes the two files of a peer that forecasts v for every step.
func writePeer(t *testing.T, dir, name, input string, horizon int, v float64, keys ...key) {
	t.Helper()
	b := strings.Builder{}
	b.WriteString("sku,store,step,mean,q0.025,q0.05,q0.1,q0.25,q0.5,q0.75,q0.9,q0.95,q0.975,q0.99\n")
	for _, k := range keys {
		for j := range horizon {
			fmt.Fprintf(&b, "%s,%s,%d%s\n", k.SKU, k.Store, j+1, strings.Repeat(fmt.Sprintf(",%v", v), 11))
		}
	}
	meta := fmt.Sprintf(`{"input_sha256":%q,"versions":{"lib":"1.2"},"series":%d,"failed":1,"cpu_seconds":0.5}`, input, len(keys))
	for file, text := range map[string]string{name + ".csv": b.String(), name + ".json": meta} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPeersAreScoredOnTheSameSeries(t *testing.T) {
	o := options{origins: 1, limit: 4, workers: 2, peers: t.TempDir()}
	h := made(t, testSet(), nil)
	at := originOf(t, h, 28)
	chosen := smallest(at.known.series, 4)
	digest := sha256.Sum256([]byte(exported(t, at, chosen)))
	input := hex.EncodeToString(digest[:])
	dir := filepath.Join(o.peers, "made", "1")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	var keys []key
	for _, s := range chosen {
		keys = append(keys, s.Key)
	}
	if _, err := o.measure(t.Context(), h); err == nil || !strings.Contains(err.Error(), "no forecasts of peers") {
		t.Errorf("without peers: %v", err)
	}
	writePeer(t, dir, "low", input, 28, 0, keys...)
	writePeer(t, dir, global, input, 28, 4, keys...)
	r, err := o.measure(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	low, own, all := r.find("low"), r.find(ours), r.find(everything)
	if low.Series != 4 || own.Series != 4 || all.Series != testSeries {
		t.Errorf("series scored: %d, %d, %d; want 4, 4, %d", low.Series, own.Series, all.Series, testSeries)
	}
	if !near(low.WAPE, 1) || low.Failed != 1 || low.CPUMillis != 125 || low.Version != "lib 1.2" {
		t.Errorf("a forecast of zero: WAPE %v, %d failed, %v ms, %q", num(low.WAPE, 3), low.Failed, low.CPUMillis, low.Version)
	}
	if low.Calibrated || *own.RMSSE >= *low.RMSSE {
		t.Errorf("zero is calibrated %v, ours %v against %v", low.Calibrated, *own.RMSSE, *low.RMSSE)
	}
	if c := r.combination(0); c == nil || c.Name != "lightgbm and low" {
		t.Errorf("combination %+v", c)
	}
	if best := r.bestLocal(metrics()[0]); best.Name != "low" {
		t.Errorf("best local peer %s; %s is not local", best.Name, global)
	}

	t.Run("stale", func(t *testing.T) {
		writePeer(t, dir, "low", strings.Repeat("0", 64), 28, 0, keys...)
		if _, err := o.measure(t.Context(), h); err == nil || !strings.Contains(err.Error(), "other series") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("series is missing", func(t *testing.T) {
		writePeer(t, dir, "low", input, 28, 0, keys[1:]...)
		if _, err := o.measure(t.Context(), h); err == nil || !strings.Contains(err.Error(), keys[0].String()) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("step is missing", func(t *testing.T) {
		writePeer(t, dir, "low", input, 27, 0, keys...)
		if _, err := o.measure(t.Context(), h); err == nil || !strings.Contains(err.Error(), "27 steps") {
			t.Errorf("error %v", err)
		}
	})
}

func TestVerdicts(t *testing.T) {
	at := func(name string, rmsse, spl, skill float64, calibrated bool) model {
		wape := rmsse / 10
		return model{Name: name, figures: figures{RMSSE: &rmsse, SPL: &spl, WAPE: &wape, Skill: &skill, Calibrated: calibrated}, Classes: map[string]figures{"smooth": {Skill: &skill, Series: 7}}}
	}
	set := func(name string, own model) report {
		return report{Set: name, Models: []model{own, at("peer", 1, 1, .1, true), at(global, 1.2, .8, .1, true)}}
	}
	good, bad := at(ours, 1.01, 1, .1, true), at(ours, 1.02, .7, 0, false)
	lines := func(reports ...report) string {
		var b strings.Builder
		verdicts(&b, reports)
		return b.String()
	}
	one := lines(set("a", good), set(promoSet, bad))
	for _, want := range []string{
		"RMSSE ≤ 1.01 × the best local peer's on every set but one: met (not: rossmann_120 1.020)",
		"SPL ≤ 1.01 × the best local peer's on every set but one: met\n",
		"every class of every set: NOT MET (not: rossmann_120 smooth 0.000 of 7)",
		"on every set but one: met (not: rossmann_120)",
		"WAPE on open days ≤ 0.10: NOT MET (not: 0.1020)",
		"RMSSE below LightGBM's on more than half of the sets: met\n",
		"SPL below LightGBM's on more than half of the sets: NOT MET (not: a)",
	} {
		if !strings.Contains(one, want) {
			t.Errorf("no line %q in\n%s", want, one)
		}
	}
	if two := lines(set("a", bad), set("b", bad)); !strings.Contains(two, "RMSSE ≤ 1.01 × the best local peer's on every set but one: NOT MET (not: a 1.020; b 1.020)") {
		t.Errorf("two misses are one too many:\n%s", two)
	}
	none := lines(report{Set: "a", Models: []model{good}}, report{Set: "b", Models: []model{good}})
	if !strings.Contains(none, "NOT MET (not: a has no peer; b has no peer)") {
		t.Errorf("without peers nothing is met:\n%s", none)
	}
}

// TestRealSales runs the whole program on the smallest file, where it is at hand.
func TestRealSales(t *testing.T) {
	o := options{
		data: cmp.Or(os.Getenv("SKUCAST_DATA"), filepath.Join("..", "..", "..", "shared", "data")),
		sets: "online_retail_demo", origins: 2, limit: 20, workers: 2, json: true,
	}
	var out, said strings.Builder
	if err := measure(t.Context(), &out, &said, o); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said.String(), "skipping") {
		t.Skip(said.String())
	}
	var reports []report
	if err := json.Unmarshal([]byte(out.String()), &reports); err != nil {
		t.Fatal(err)
	}
	m := reports[0].Models[0]
	if m.Name != ours || m.Series < 30 || len(m.ByOrigin) != 2 || m.Faulty != 0 || m.Skill == nil || *m.Skill <= 0 {
		t.Errorf("%+v", m)
	}
}

func TestMissingDataIsSkippedVisibly(t *testing.T) {
	var said strings.Builder
	chosen, err := choose(options{origins: 1, workers: 1, data: t.TempDir()}, &said)
	if err != nil || len(chosen) != 0 {
		t.Errorf("%d sets, %v; want none", len(chosen), err)
	}
	if n := strings.Count(said.String(), "skipping"); n != len(sets()) {
		t.Errorf("%d skipped sets are named, want %d:\n%s", n, len(sets()), said.String())
	}
	if _, err := choose(options{origins: 1, workers: 1, sets: "nonsense"}, &said); err == nil {
		t.Error("an unknown set is accepted")
	}
	if _, err := load(t.TempDir(), testSet()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load without a file: %v", err)
	}
}
