package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// up is a running `skucast up`.
type up struct {
	t    *testing.T
	data string
	cmd  *exec.Cmd
	url  string
	bus  string // connection string
}

// start brings a stack up on data and waits until it answers.
func start(t *testing.T, data string, args ...string) *up {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, append([]string{"up", "--data", data, "--addr", "127.0.0.1:0", "--resend-after", "1s", "--reconcile-every", "500ms"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := &up{t: t, data: data, cmd: cmd}
	t.Cleanup(u.kill)
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		if _, bus, ok := strings.Cut(scan.Text(), "Service Bus on "); ok {
			u.bus = bus
		}
		if _, url, ok := strings.Cut(scan.Text(), "API on "); ok {
			u.url, _, _ = strings.Cut(url, "/api/")
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return u
		}
	}
	t.Fatal("skucast up ended before it was ready")
	return nil
}

// kill is SIGKILL: the whole stack is gone at once, its workers with it.
func (u *up) kill() {
	_ = u.cmd.Process.Kill()
	_ = u.cmd.Wait()
}

// copyIn copies a file into the watched folder, or uploads it, as a person does.
func (u *up) copyIn(file, as string) {
	u.t.Helper()
	if store := u.account(); store != nil {
		put(u.t, store, blobstore.RawData+"/"+run.Incoming+as, read(u.t, file))
		return
	}
	to := filepath.Join(u.data, "raw-data", "incoming", filepath.FromSlash(as))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte(read(u.t, file)), 0o644); err != nil {
		u.t.Fatal(err)
	}
}

func (u *up) remove(name string) {
	u.t.Helper()
	if store := u.account(); store != nil {
		if err := store.Delete(u.t.Context(), blobstore.RawData+"/"+run.Incoming+name); err != nil {
			u.t.Fatal(err)
		}
		return
	}
	if err := os.Remove(filepath.Join(u.data, "raw-data", "incoming", filepath.FromSlash(name))); err != nil {
		u.t.Fatal(err)
	}
}

// runs asks the API.
func (u *up) runs() []ledger.View {
	u.t.Helper()
	resp, err := http.Get(u.url + "/api/runs")
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body struct {
		Runs []ledger.View `json:"runs"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != http.StatusOK {
		u.t.Fatalf("GET /api/runs: %s, %v", resp.Status, err)
	}
	return body.Runs
}

// await polls until the runs are as wanted.
func (u *up) await(what string, ok func([]ledger.View) bool) []ledger.View {
	u.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		runs := u.runs()
		if ok(runs) {
			return runs
		}
		if time.Now().After(deadline) {
			b, _ := json.MarshalIndent(runs, "", " ")
			u.t.Fatalf("not %s after %s:\n%s", what, patience, tail(string(b)))
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another process
	}
}

// ended is the state of n runs that all have a terminal record.
func ended(n int) func([]ledger.View) bool {
	return func(runs []ledger.View) bool {
		for _, r := range runs {
			if r.Status == ledger.StatusRunning {
				return false
			}
		}
		return len(runs) == n
	}
}

func TestStackKilledMidRunFinishesAfterRestart(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		file := salesFile(t, 6)
		want, _ := forecast(t, file)
		data := t.TempDir()
		u := start(t, data, s.flags...)
		u.copyIn(file, "sales.csv")
		u.await("half-way", func(runs []ledger.View) bool {
			return len(runs) == 1 && (runs[0].UnitsDone > 2 || runs[0].Complete != nil)
		})
		u.kill()
		u = start(t, data, s.flags...)
		runs := u.await("complete", ended(1))
		if runs[0].Complete == nil || runs[0].Complete.Digest != want.Digest {
			t.Errorf("run after the restart: %+v, want digest %s", runs[0], want.Digest)
		}
	})
}

func TestFilesSideBySide(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		a, b := salesFile(t, 7), salesFile(t, 8)
		wantA, _ := forecast(t, a)
		wantB, _ := forecast(t, b)
		u := start(t, t.TempDir(), s.flags...)
		u.copyIn(a, "north/sales.csv")
		u.copyIn(b, "south/sales.csv")
		bad := filepath.Join(t.TempDir(), "bad.csv")
		if err := os.WriteFile(bad, []byte("colour,size\nred,1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		u.copyIn(bad, "bad/sales.csv")
		got := map[string]ledger.View{}
		for _, r := range u.await("ended", ended(3)) {
			got[r.Feed] = r
		}
		if got["bad"].Failed == nil || got["bad"].Failed.Reason != "missing_column" {
			t.Errorf("bad file: %+v", got["bad"])
		}
		for feed, want := range map[string]string{"north": wantA.Digest, "south": wantB.Digest} {
			if got[feed].Complete == nil || got[feed].Complete.Digest != want {
				t.Errorf("feed %s: %+v, want digest %s", feed, got[feed], want)
			}
		}

		// The same file again is one computation; a corrected one and another horizon are new.
		u.copyIn(a, "again/sales.csv")
		again := u.await("the copy ended", ended(4))
		for _, r := range again {
			if r.Feed == "again" && (r.Complete == nil || r.Complete.DuplicateOf == nil || *r.Complete.DuplicateOf != got["north"].RunID) {
				t.Errorf("copy: %+v, want a duplicate of %s", r, got["north"].RunID)
			}
		}
		corrected := filepath.Join(t.TempDir(), "corrected.csv")
		text := lines(read(t, a))
		if err := os.WriteFile(corrected, []byte(strings.Join(text[:len(text)-40], "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		u.copyIn(corrected, "north/sales.csv")
		options := filepath.Join(t.TempDir(), "o.json")
		if err := os.WriteFile(options, []byte(`{"horizon":5}`), 0o644); err != nil {
			t.Fatal(err)
		}
		u.copyIn(options, "short/sales.csv.options.json")
		u.copyIn(a, "short/sales.csv")
		for _, r := range u.await("all ended", ended(6)) {
			if r.Feed == "short" && (r.Complete == nil || r.Complete.Horizon != 5 || r.Complete.DuplicateOf != nil) {
				t.Errorf("other horizon: %+v", r)
			}
			if r.Feed == "north" && r.RunID != got["north"].RunID && (r.Complete == nil || r.Complete.Digest == wantA.Digest) {
				t.Errorf("corrected file: %+v", r)
			}
		}
		stdout, _, code := skucast(t, "status", "--data", u.data)
		if code != 0 || !strings.Contains(stdout, "missing_column") || strings.Count(stdout, "complete") < 5 {
			t.Errorf("status, exit %d:\n%s", code, stdout)
		}
		if _, stderr, code := skucast(t, "up", "--data", u.data); code != 1 || !strings.Contains(stderr, "another skucast is up") {
			t.Errorf("a second stack on the same folder: exit %d, %s", code, fmt.Sprint(stderr))
		}
	})
}

// A file that is still being copied, or has the name of one, is not taken.
func TestHalfCopiedFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	file := salesFile(t, 12)
	want, _ := forecast(t, file)
	u := start(t, t.TempDir())
	u.copyIn(file, "north/other.csv.part")
	to := filepath.Join(u.data, "raw-data", "incoming", "north", "sales.csv")
	text := read(t, file)
	const pieces = 4
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pieces {
		if _, err := f.WriteString(text[i*len(text)/pieces : (i+1)*len(text)/pieces]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(900 * time.Millisecond) // a slow copy, as seen by another process
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	runs := u.await("ended", ended(1))
	if runs[0].Complete == nil || runs[0].Complete.Digest != want.Digest {
		t.Errorf("run %+v, want digest %s", runs[0], want.Digest)
	}
}
