package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// recorded runs the course and returns the journal with what was there at each length of
// it that ends with a record.
func recorded(t *testing.T) (raw []byte, states map[int]string, now time.Time) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	states = map[int]string{0: dump(w.space), len(magic): dump(w.space)}
	name := filepath.Join(dir, "journal-00000001")
	w.course(func() {
		w.must(w.j.Wait(w.j.Position()))
		info, err := os.Stat(name)
		w.must(err)
		states[int(info.Size())] = dump(w.space)
	})
	raw, err := os.ReadFile(name)
	w.must(err)
	return raw, states, w.now
}

func directory(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The journal of a small run, cut at every byte: what is recovered is what was there after
// the last whole step, and the broker goes on from there.
func TestCutAtEveryByte(t *testing.T) {
	raw, states, now := recorded(t)
	if len(states) < 20 || len(raw) < 1000 {
		t.Fatalf("%d steps in %d bytes", len(states), len(raw))
	}
	want := ""
	for cut := 0; cut <= len(raw); cut++ {
		if s, ok := states[cut]; ok {
			want = s
		}
		dir := directory(t, map[string][]byte{"journal-00000001": raw[:cut]})
		w := newWorld(t)
		w.now = now
		w.open(dir)
		if got := dump(w.space); got != want {
			t.Fatalf("cut at byte %d of %d: recovered\n%s\nwant\n%s", cut, len(raw), got, want)
		}
		if strings.Contains(w.log.String(), "damaged") {
			t.Fatalf("cut at byte %d: %s", cut, w.log.String())
		}
		if cut%64 != 0 {
			w.must(w.j.Close())
			continue
		}
		w.sent = 1000
		w.send(w.q, w.message())
		after := dump(w.space)
		w.must(w.j.Close())
		again := newWorld(t)
		again.now = now
		if got := dump(again.open(dir).space); got != after {
			t.Fatalf("cut at byte %d and continued: recovered\n%s\nwant\n%s", cut, got, after)
		}
	}
}

// One wrong bit anywhere: everything before its record is recovered, the rest is in a file
// that the warning names.
func TestDamageAnywhere(t *testing.T) {
	raw, states, now := recorded(t)
	for at := 0; at < len(raw); at += 37 {
		good := 0
		for n := range states {
			if n <= at && n > good {
				good = n
			}
		}
		damaged := bytes.Clone(raw)
		damaged[at] ^= 0x10
		dir := directory(t, map[string][]byte{"journal-00000001": damaged})
		w := newWorld(t)
		w.now = now
		w.open(dir)
		if got := dump(w.space); got != states[good] {
			t.Fatalf("byte %d: recovered\n%s\nwant\n%s", at, got, states[good])
		}
		aside := filepath.Join(dir, fmt.Sprintf("journal-00000001.damaged-from-%d", good))
		rest, err := os.ReadFile(aside)
		if err != nil || !bytes.Equal(rest, damaged[good:]) {
			t.Fatalf("byte %d: %d bytes set aside, want %d (%v)", at, len(rest), len(damaged)-good, err)
		}
		if !strings.Contains(w.log.String(), aside) {
			t.Errorf("byte %d: the log does not name %s:\n%s", at, aside, w.log.String())
		}
		w.must(w.j.Close())
		again := newWorld(t)
		again.now = now
		if got := dump(again.open(dir).space); got != states[good] || again.log.Len() > 0 {
			t.Fatalf("byte %d, opened again: %s\n%s", at, again.log.String(), got)
		}
	}
}

func names(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestSnapshotsReplaceJournals(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	w.course(func() {})
	w.j.compact()
	if got := names(t, dir); got != "journal-00000002 lock snapshot-00000002" {
		t.Errorf("files %s", got)
	}
	w.course(func() {})
	want := dump(w.space)
	w.must(w.j.Close())
	again := newWorld(t)
	again.now = w.now
	again.open(dir)
	if got := dump(again.space); got != want {
		t.Errorf("recovered\n%s\nwant\n%s", got, want)
	}
	// Sequence numbers go on where they were although the last messages are gone.
	last := w.send(w.q, w.message())
	if next := again.send(again.q, again.message()); next[0] != last[0] {
		t.Errorf("sequence number %d after recovery, want %d", next[0], last[0])
	}
	// Killed before the snapshot had its name: the generations before are still there.
	raw, states, now := recorded(t)
	longest := 0
	for n := range states {
		longest = max(longest, n)
	}
	cut := len(raw) / 2
	for states[cut] == "" {
		cut++
	}
	third := newWorld(t)
	third.now = now
	third.open(directory(t, map[string][]byte{
		"journal-00000001": raw[:cut], "journal-00000002": append([]byte(magic), raw[cut:]...), "snapshot-00000002.tmp": []byte("half"),
	}))
	if got := dump(third.space); got != states[longest] {
		t.Errorf("two journals: recovered\n%s\nwant\n%s", got, states[longest])
	}
}

// What follows a damaged journal builds on what could not be read.
func TestDamageBeforeTheLastJournal(t *testing.T) {
	raw, states, now := recorded(t)
	cut := len(raw) / 2
	for states[cut] == "" {
		cut++
	}
	first := bytes.Clone(raw[:cut])
	first[len(magic)+3] ^= 1
	dir := directory(t, map[string][]byte{"journal-00000001": first, "journal-00000002": append([]byte(magic), raw[cut:]...)})
	w := newWorld(t)
	w.now = now
	w.open(dir)
	if got := dump(w.space); got != states[0] {
		t.Errorf("recovered\n%s", got)
	}
	if got := names(t, dir); !strings.Contains(got, "journal-00000002.damaged-from-0") || !strings.Contains(got, "snapshot-") {
		t.Errorf("files %s", got)
	}
}

func TestDamagedSnapshot(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	for range 2000 {
		w.send(w.q, w.message())
	}
	w.j.compact()
	last := w.send(w.q, w.message())
	w.must(w.j.Close())
	name := filepath.Join(dir, "snapshot-00000002")
	raw, err := os.ReadFile(name)
	w.must(err)
	w.must(os.WriteFile(name, raw[:len(raw)/2], 0o600))
	again := newWorld(t).open(dir)
	n := again.q.Stats().Active
	if n < 512 || n >= 2000 {
		t.Errorf("%d of 2001 messages recovered from half a snapshot", n)
	}
	if got := again.q.Peek(last[0], 1, 1<<20, nil); len(got) != 1 {
		t.Error("what the journal has after the snapshot was not recovered")
	}
	if !strings.Contains(again.log.String(), "snapshot-00000002.damaged-from-") {
		t.Errorf("log: %s", again.log.String())
	}
}

// Snapshots are made while others send and settle.
func TestSnapshotsWhileBusy(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				w.j.compact()
			}
		}
	})
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 1))
			for i := range 400 {
				id := fmt.Sprint(worker, "/", i)
				switch rng.IntN(4) {
				case 0:
					_, _ = w.q.Send([]*amqp.Message{message(t, id, nil, nil, nil), message(t, id+"b", nil, nil, nil)})
				case 1:
					_, _ = w.topic.Send([]*amqp.Message{message(t, id, nil, nil, nil)})
				case 2:
					for _, d := range take(w.q, 2) {
						_ = w.q.Complete(d.LockToken)
					}
				default:
					for _, d := range take(w.sub, 1) {
						_ = w.sub.Abandon(d.LockToken, []amqp.Pair{amqp.TextPair("n", id)})
					}
				}
			}
		})
	}
	workers.Wait()
	close(done)
	wg.Wait()
	want := dump(w.space)
	w.must(w.j.Close())
	if w.log.Len() > 0 {
		t.Errorf("log: %s", w.log.String())
	}
	again := newWorld(t).open(dir)
	if got := dump(again.space); got != want {
		t.Errorf("recovered\n%.2000s\nwant\n%.2000s", got, want)
	}
}

func TestQueueThatIsNotConfiguredIsKept(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	w.send(w.q, w.message(), w.message())
	w.must(w.j.Close())
	// A broker without any queue makes a snapshot.
	space := queue.NewSpace(func() time.Time { return w.now }, [32]byte{})
	j, err := Open(dir, space, slog.New(slog.DiscardHandler))
	w.must(err)
	if got := space.Orphans(); len(got) != 1 || got[0] != "q" {
		t.Errorf("orphans %v", got)
	}
	j.compact()
	// And one that is made later has its messages.
	q := space.New("q", queue.Config{LockDuration: time.Minute, MaxDeliveryCount: 2, MaxBytes: 1 << 30})
	if st := q.Stats(); st.Active != 2 {
		t.Errorf("%+v", st)
	}
	w.must(j.Close())
	if st := newWorld(t).open(dir).q.Stats(); st.Active != 2 {
		t.Errorf("%+v", st)
	}
}

func TestOneJournalPerDirectory(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t).open(dir)
	if _, err := Open(dir, newWorld(t).space, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("opened twice: %v", err)
	}
	w.must(w.j.Close())
	w.must(w.j.Close())
	newWorld(t).open(dir)
}

func TestFailingDisk(t *testing.T) {
	w := newWorld(t).open(t.TempDir())
	w.send(w.q, w.message())
	w.must(w.j.Wait(w.j.Position()))
	w.must(w.j.file.Close()) // every write fails from now on
	w.send(w.q, w.message())
	err := w.j.Wait(w.j.Position())
	if err == nil || !errors.Is(err, os.ErrClosed) {
		t.Errorf("confirmed what was not written: %v", err)
	}
	<-w.j.Failed()
	w.j.Throttle()
	if w.j.Err() == nil {
		t.Error("no error")
	}
}

// FuzzReplay: whatever a journal holds, recovery ends, without a panic, and keeps the rest.
func FuzzReplay(f *testing.F) {
	w := newWorld(f).open(f.TempDir())
	w.course(func() {})
	w.must(w.j.Wait(w.j.Position()))
	raw, err := os.ReadFile(w.j.path("journal", 1))
	w.must(err)
	f.Add(raw[len(magic)+headerSize : len(magic)+200])
	f.Add([]byte{opPut, 1, 'q', flagMessage, 1, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0x53, 0x75})
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := newWorld(t)
		if _, err := replay(payload, w.space); err == nil {
			w.space.Settle()
			w.space.Expire()
			dump(w.space)
		}
		b, at := beginRecord([]byte(magic))
		b = endRecord(append(b, payload...), at)
		n, err := readRecords(bytes.NewReader(b), func(p []byte) error {
			if !bytes.Equal(p, payload) {
				t.Error("a record was changed")
			}
			return nil
		})
		if err != nil || n != int64(len(b)) {
			t.Errorf("%d of %d bytes, %v", n, len(b), err)
		}
		_, _ = readRecords(bytes.NewReader(payload), func([]byte) error { return nil })
	})
}
