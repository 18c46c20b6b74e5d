package e2e

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// kept is a finished run whose storage account is kept.
func (s storage) kept(t *testing.T, seed int) (data, file string, c run.Complete) {
	t.Helper()
	data, file = t.TempDir(), salesFile(t, seed)
	c, _ = forecast(t, file, append([]string{"--data", data}, s.flags...)...)
	return data, file, c
}

// replayed does something again and returns the run that came of it.
func (s storage) replayed(t *testing.T, data string, args ...string) ledger.View {
	t.Helper()
	stdout, stderr, code := skucast(t, append(append([]string{"replay", "--data", data, "--json"}, s.flags...), args...)...)
	if code != 0 {
		t.Fatalf("skucast replay %q: exit %d\n%s", args, code, tail(stderr))
	}
	var v ledger.View
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	return v
}

// firstSKU is a SKU of a file.
func firstSKU(t *testing.T, file string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(read(t, file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range rows[0] {
		if name == "sku" {
			return rows[1][i]
		}
	}
	t.Fatalf("no column sku in %q", rows[0])
	return ""
}

// The same content and options give the same numbers, however much of the run is done
// again.
func TestReplayGivesTheSameDigest(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		data, file, want := s.kept(t, 21)
		sku := firstSKU(t, file)
		before := want.RunID
		for i, args := range [][]string{
			{want.RunID[:12]}, {want.RunID, "--etl"}, {want.RunID, "--sku", sku}, {"--file", "sales.csv"},
		} {
			v := s.replayed(t, data, args...)
			if v.Complete == nil || v.Complete.Digest != want.Digest {
				t.Errorf("replay %q: %+v, want digest %s", args, v, want.Digest)
			}
			if v.Reason != run.ReasonReplay(i+1) || v.Ordinal != i+1 {
				t.Errorf("replay %q: %s, ordinal %d", args, v.Reason, v.Ordinal)
			}
			if args[0] == "--file" && v.ReplayOf != before {
				t.Errorf("--file replayed %s, want the newest run %s", v.ReplayOf, before)
			}
			before = v.RunID
		}
		var latest run.Latest
		if err := json.Unmarshal([]byte(get(t, s.open(t, data), "forecasts/latest/default.json")), &latest); err != nil || latest.RunID != before {
			t.Errorf("latest is %s (%v), want the last replay %s", latest.RunID, err, before)
		}
		stdout, _, code := s.status(t, data)
		if code != 0 || strings.Count(stdout, "replay:") != 4 {
			t.Errorf("status, exit %d:\n%s", code, stdout)
		}
	})
}

// What a run did not finish is done by a replay; what it did finish is carried over.
func TestReplayOfFailedUnits(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		data, _, want := s.kept(t, 22)
		store, dir := s.open(t, data), run.Dir(want.RunID)
		for _, name := range []string{"_complete.json", "state.json", "series/00000003.parquet", "series/00000007.parquet"} {
			if err := store.Delete(t.Context(), dir+name); err != nil {
				t.Fatal(err)
			}
		}
		cut := dir + "series/00000005.parquet" // a crash left it unreadable: it counts as missing
		put(t, store, cut, get(t, store, cut)[:40])
		put(t, store, dir+"_failed.json", string(run.Canonical(run.Failed{
			V: run.Version, RunID: want.RunID, Reason: run.ReasonNoProgress, Phase: run.PhaseTrain, Units: []string{"00000003", "00000007"},
		})))
		stdout, _, code := skucast(t, append([]string{"replay", "--data", data, want.RunID, "--failed", "--dry-run"}, s.flags...)...)
		if code != 0 || !strings.Contains(stdout, "2 of 24 are trained, 22 carried over") {
			t.Errorf("dry run, exit %d:\n%s", code, stdout)
		}
		v := s.replayed(t, data, want.RunID, "--failed")
		if v.Complete == nil || v.Complete.Digest != want.Digest {
			t.Errorf("%+v, want digest %s", v, want.Digest)
		}
	})
}

// The CLI is killed when it has announced the run: whoever comes next goes on with it.
func TestReplayIsFinishedByAnother(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		data, _, want := s.kept(t, 23)
		u := start(t, data, s.flags...)
		stdout, stderr, code := skucast(t, "replay", "--data", data, want.RunID, "--no-wait")
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		u.kill()
		u = start(t, data, s.flags...)
		for _, r := range u.await("ended", ended(2)) {
			if r.Complete == nil || r.Complete.Digest != want.Digest {
				t.Errorf("%+v, want digest %s\n%s", r, want.Digest, stdout)
			}
		}
		if _, stderr, code := skucast(t, "replay", "--data", t.TempDir(), want.RunID, "--no-wait"); code != 1 || !strings.Contains(stderr, "no skucast up") {
			t.Errorf("--no-wait with nobody to go on: exit %d, %s", code, stderr)
		}
	})
}

// Messages that were refused are listed, sent again and discarded.
func TestDeadLettersAreReplayed(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		u := start(t, t.TempDir(), s.flags...)
		u.copyIn(salesFile(t, 24), "sales.csv")
		done := u.await("ended", ended(1))[0]
		u.send(event.QueueTrainSKU, []byte("hello"))
		u.send(event.QueueTrainSKU, event.Encode(event.TrainMessage{V: 1, RunID: done.RunID, Unit: "00099999", File: "sales/none.parquet", Rows: 1, NSeries: 1}))
		u.refused(2)
		ask := func(args ...string) string {
			t.Helper()
			stdout, stderr, code := skucast(t, append([]string{"replay", "--deadletters", "--data", u.data}, args...)...)
			if code != 0 {
				t.Fatalf("replay --deadletters %q: exit %d\n%s", args, code, stderr)
			}
			return stdout
		}
		if out := ask("--run", done.RunID[:12]); !strings.Contains(out, "unknown_unit") || strings.Contains(out, "invalid_message") {
			t.Errorf("list of one run:\n%s", out)
		}
		if out := ask("--resubmit", "--reason", "invalid_message"); !strings.Contains(out, "1 sent again") {
			t.Errorf("resubmit:\n%s", out)
		}
		u.refused(2) // it is as useless as before
		if out := ask(); !strings.Contains(out, "~r1") {
			t.Errorf("list after the resubmission:\n%s", out)
		}
		if out := ask("--discard", "--all"); !strings.Contains(out, "2 discarded") {
			t.Errorf("discard:\n%s", out)
		}
		if out := ask(); !strings.Contains(out, "nothing is refused") {
			t.Errorf("list after all:\n%s", out)
		}
	})
}
