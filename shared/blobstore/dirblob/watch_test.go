package dirblob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore/dirblob"
)

const incoming = "raw-data/incoming/"

// clock counts the seconds that Poll is told.
type clock struct {
	t time.Time
	w *dirblob.Watcher
}

func watch(s *dirblob.Store, prefixes ...dirblob.Prefix) *clock {
	return &clock{t: time.Unix(1e9, 0), w: &dirblob.Watcher{Store: s, Prefixes: prefixes}}
}

// poll lets d pass and returns the names found.
func (c *clock) poll(d time.Duration) string {
	c.t = c.t.Add(d)
	var names []string
	for _, in := range c.w.Poll(c.t) {
		names = append(names, strings.TrimPrefix(in.Name, incoming))
	}
	return strings.Join(names, " ")
}

func (c *clock) want(t *testing.T, when string, d time.Duration, want string) {
	t.Helper()
	if got := c.poll(d); got != want {
		t.Errorf("%s: found %q, want %q", when, got, want)
	}
}

func persons() dirblob.Prefix {
	return dirblob.Prefix{Name: incoming, Depth: -1, Rest: dirblob.PersonRest}
}

func TestWatchPersonsCopy(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	copyIn(t, s, incoming+"old.csv", "x")
	c := watch(s, persons())
	c.want(t, "first poll", 0, "")
	c.want(t, "nothing new", time.Hour, "")
	copyIn(t, s, incoming+"shop/a.csv", "1")
	c.want(t, "just seen", time.Second, "")
	copyIn(t, s, incoming+"shop/a.csv", "12")
	c.want(t, "grown", 5*time.Second, "")
	c.want(t, "not yet at rest", 1999*time.Millisecond, "")
	c.want(t, "at rest", time.Millisecond, "shop/a.csv")
	c.want(t, "once", time.Hour, "")
	copyIn(t, s, incoming+"shop/a.csv", "123")
	copyIn(t, s, incoming+"old.csv", "xy")
	c.want(t, "both changed", time.Second, "")
	c.want(t, "both at rest", 2*time.Second, "old.csv shop/a.csv")
	if err := os.Remove(filepath.Join(s.Dir(), "raw-data/incoming/old.csv")); err != nil {
		t.Fatal(err)
	}
	c.want(t, "gone", time.Second, "")
	copyIn(t, s, incoming+"old.csv", "xy")
	c.want(t, "back", time.Second, "")
	c.want(t, "back, at rest", 2*time.Second, "old.csv")
}

// A file that changed but never came to rest before it changed back is no event.
func TestWatchChangedBack(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	copyIn(t, s, incoming+"a.csv", "x")
	path := filepath.Join(s.Dir(), "raw-data/incoming/a.csv")
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	c := watch(s, persons())
	c.want(t, "first poll", 0, "")
	for _, mtime := range []time.Time{fi.ModTime().Add(time.Second), fi.ModTime()} {
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			t.Fatal(err)
		}
		c.want(t, "touched", time.Second, "")
	}
	c.want(t, "as it was", time.Hour, "")
}

func TestWatchUnfinishedNames(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	c := watch(s, persons())
	c.want(t, "first poll", 0, "")
	for _, base := range []string{"a.csv.tmp", "a.csv.part", "a.csv~", ".a.csv.swp", "shop/.b.csv.x7"} {
		copyIn(t, s, incoming+base, "x")
	}
	c.want(t, "seen", time.Second, "")
	c.want(t, "at rest", time.Hour, "")
	dir := filepath.Join(s.Dir(), "raw-data", "incoming")
	if err := os.Rename(filepath.Join(dir, "a.csv.part"), filepath.Join(dir, "a.csv")); err != nil {
		t.Fatal(err)
	}
	c.want(t, "renamed", time.Second, "")
	c.want(t, "renamed, at rest", 2*time.Second, "a.csv")
}

func TestWatchOwnPuts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	c := watch(s, persons())
	wake := c.w.Wake()
	put(t, s, incoming+"before.csv", "x")
	copyIn(t, s, incoming+"known.csv", "x")
	c.want(t, "put after Wake, before the first poll", 0, "before.csv")
	<-wake
	put(t, s, "forecasts/elsewhere", "x")
	select {
	case <-wake:
		t.Error("woken by a blob outside")
	default:
	}
	put(t, s, incoming+"shop/a.csv", "x")
	<-wake
	c.want(t, "without rest", 0, "shop/a.csv")
	put(t, s, incoming+"shop/a.csv", "x")
	c.want(t, "the same content again", 0, "shop/a.csv")
	put(t, s, incoming+"b.csv", "x")
	copyIn(t, s, incoming+"b.csv", "xy")
	c.want(t, "a person wrote over it", 0, "")
	c.want(t, "that, at rest", 2*time.Second, "b.csv")
	c.want(t, "nothing twice", time.Hour, "")
}

// Puts of another process: a second store, whose puts do not tell this watcher.
func TestWatchOtherProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, theirs := open(t, dir), open(t, dir)
	put(t, theirs, "processed-data/etl/0/_manifest.json", "{}")
	c := watch(s, dirblob.Prefix{Name: "processed-data/etl/", Suffix: "/_manifest.json", Depth: 1})
	c.want(t, "first poll", 0, "")
	put(t, theirs, "processed-data/etl/1/quality.json", "{}")
	put(t, theirs, "processed-data/etl/1/deep/_manifest.json", "{}")
	put(t, theirs, "processed-data/etl/1/_manifest.json", "{}")
	c.want(t, "a rename needs no rest", 0, "processed-data/etl/1/_manifest.json")
	c.want(t, "once", time.Hour, "")
}

func TestWatchReportExisting(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	copyIn(t, s, incoming+"a.csv", "x")
	c := watch(s, persons())
	c.w.ReportExisting = true
	c.want(t, "first poll", 0, "")
	c.want(t, "at rest", 2*time.Second, "a.csv")
}

func TestWatchOverlappingPrefixes(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	c := watch(s, dirblob.Prefix{Name: incoming, Depth: -1}, dirblob.Prefix{Name: incoming + "shop/", Depth: -1})
	c.want(t, "first poll", 0, "")
	copyIn(t, s, incoming+"shop/a.csv", "x")
	c.want(t, "in both", 0, "shop/a.csv")
	c.want(t, "once", 0, "")
}

func TestWatchProblems(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	c := watch(s, dirblob.Prefix{Name: incoming, Depth: -1}, dirblob.Prefix{Name: "no prefix", Depth: -1})
	var problems []string
	c.w.Problem = func(name string, _ error) { problems = append(problems, name) }
	copyIn(t, s, incoming+"latin\xe91.csv", "x")
	copyIn(t, s, incoming+"a.csv", "x")
	c.want(t, "first poll", 0, "")
	c.want(t, "second poll", 0, "")
	want := []string{incoming + "latin\xe91.csv", "no prefix", "no prefix"}
	if strings.Join(problems, "|") != strings.Join(want, "|") {
		t.Errorf("problems %q, want %q", problems, want)
	}
}

// A folder that cannot be read for a while is no reason to report its files again.
func TestWatchUnreadableFolder(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	dir := filepath.Join(s.Dir(), "raw-data", "incoming", "shop")
	copyIn(t, s, incoming+"shop/a.csv", "x")
	c := watch(s, persons())
	c.want(t, "first poll", 0, "")
	// A link that leads to itself cannot be read, by root neither.
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("shop", dir); err != nil {
		t.Fatal(err)
	}
	failed := 0
	c.w.Problem = func(string, error) { failed++ }
	put(t, s, incoming+"zz.csv", "x")
	c.want(t, "unreadable", 0, "")
	if failed == 0 {
		t.Fatal("the folder could be read")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-moved", dir); err != nil {
		t.Fatal(err)
	}
	c.want(t, "readable again", time.Hour, "zz.csv")
}
