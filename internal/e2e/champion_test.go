package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// A later file of a feed is held against the champions of the one before.
func TestALaterFileIsHeldAgainstTheChampion(t *testing.T) {
	t.Parallel()
	file := salesFile(t, 21)
	all := lines(read(t, file))
	var days []string
	for _, line := range all[1:] {
		days = append(days, line[:10])
	}
	slices.Sort(days)
	days = slices.Compact(days)
	end := days[len(days)-60] // the file goes on for 28 days after the last sale
	early := all[:1:1]
	for _, line := range all[1:] {
		if line[:10] < end {
			early = append(early, line)
		}
	}
	before := filepath.Join(t.TempDir(), "before.csv")
	if err := os.WriteFile(before, []byte(strings.Join(early, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := start(t, t.TempDir())
	u.copyIn(before, "till/before.csv")
	latest := filepath.Join(u.data, filepath.FromSlash(run.LatestPlace("till")))
	first := u.await("the first file's forecasts the latest", func(v []ledger.View) bool {
		_, err := os.Stat(latest)
		return err == nil && ended(1)(v)
	})[0]
	u.copyIn(file, "till/after.csv")
	var second ledger.View
	for _, v := range u.await("the second file", ended(2)) {
		if v.RunID != first.RunID {
			second = v
		}
	}
	if second.Status != ledger.StatusComplete {
		t.Fatalf("second run: %+v", second)
	}
	var p run.Plan
	if err := json.Unmarshal([]byte(read(t, u.data, filepath.FromSlash(run.PlanPlace(second.RunID)))), &p); err != nil {
		t.Fatal(err)
	}
	if p.ChampionRunID == nil || *p.ChampionRunID != first.RunID {
		t.Errorf("plan %+v, want champion %s", p, first.RunID)
	}
}
