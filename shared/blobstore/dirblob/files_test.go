package dirblob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
)

// copyIn does what a person's cp does: it creates or overwrites in place.
func copyIn(t *testing.T, s *dirblob.Store, name, content string) {
	t.Helper()
	path := filepath.Join(s.Dir(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *dirblob.Store, name, content string) blobstore.Info {
	t.Helper()
	in, err := s.Put(t.Context(), name, strings.NewReader(content), blobstore.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func listed(t *testing.T, s *dirblob.Store, prefix string) string {
	t.Helper()
	var out []string
	for in, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, in.Name)
	}
	return strings.Join(out, " ")
}

func TestPersonsFiles(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	const name = "raw-data/incoming/shop/a.csv"
	copyIn(t, s, name, "one")
	in, err := s.Head(t.Context(), name)
	if err != nil || in.Size != 3 {
		t.Fatalf("Head = %+v, %v", in, err)
	}
	if _, err := s.Put(t.Context(), name, strings.NewReader("x"), blobstore.Once); !errors.Is(err, blobstore.ErrExists) {
		t.Errorf("Put over it: %v", err)
	}
	path, err := s.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	// The same size: only the time differs.
	if err := os.Chtimes(path, time.Time{}, in.LastModified.Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	now, err := s.Head(t.Context(), name)
	if err != nil || now.ETag == in.ETag {
		t.Errorf("touched: ETag %s, before %s, %v", now.ETag, in.ETag, err)
	}
	if _, err := s.ReadRange(t.Context(), name, 0, 1, in.ETag); !errors.Is(err, blobstore.ErrChanged) {
		t.Errorf("ReadRange of the old version: %v", err)
	}
}

func TestWrittenOverWhileRead(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	const name = "raw-data/incoming/a.csv"
	copyIn(t, s, name, strings.Repeat("a", 100_000))
	r, _, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	copyIn(t, s, name, strings.Repeat("b", 100_001))
	if b, err := io.ReadAll(r); !errors.Is(err, blobstore.ErrChanged) || strings.Contains(string(b), "b") {
		t.Errorf("read on %d bytes, %v", len(b), err)
	}
}

// The clock may stand still, or go back: versions stay distinct and in order.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), dirblob.WithClock(func() time.Time { return time.Unix(1e9, 0) }))
	var last blobstore.Info
	for range 5 {
		in := put(t, s, "forecasts/x", "same")
		if !in.LastModified.After(last.LastModified) || in.ETag == last.ETag {
			t.Errorf("%+v after %+v", in, last)
		}
		last = in
	}
}

func TestFolderAndFile(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "forecasts/a/b", "x")
	for name, want := range map[string]string{
		"forecasts/a":                           "there is a folder of this name",
		"forecasts/a/b/c":                       "a part of the path before the last slash is a blob",
		"forecasts/a/b/c/d":                     "a part of the path before the last slash is a blob",
		"forecasts/" + strings.Repeat("x", 300): "too long",
	} {
		for _, cond := range []blobstore.Condition{{}, blobstore.Once} {
			_, err := s.Put(t.Context(), name, strings.NewReader("y"), cond)
			if !errors.Is(err, blobstore.ErrInvalidName) || !strings.Contains(err.Error(), want) {
				t.Errorf("Put(%.40s, %+v) = %v, want %q", name, cond, err, want)
			}
		}
	}
	if got := listed(t, s, "forecasts/"); got != "forecasts/a/b" {
		t.Errorf("List = %s", got)
	}
	entries, err := os.ReadDir(filepath.Join(s.Dir(), ".tmp"))
	if err != nil || len(entries) != 0 {
		t.Errorf("refused puts leave %d temporary files, %v", len(entries), err)
	}
}

func TestListPassesOver(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	copyIn(t, s, "forecasts/ok", "x")
	copyIn(t, s, "forecasts/.keep", "x")
	copyIn(t, s, "forecasts/new\nline", "x")
	copyIn(t, s, "forecasts/latin\xe91.csv", "x")
	copyIn(t, s, ".hidden/file", "x")
	for link, target := range map[string]string{"linked": "ok", "dangling": "none", "loop": "."} {
		if err := os.Symlink(target, filepath.Join(s.Dir(), "forecasts", link)); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(t, s, "forecasts/"); got != "forecasts/.keep forecasts/linked forecasts/ok" {
		t.Errorf("List = %s", got)
	}
	if got := listed(t, s, "processed-data/none/"); got != "" {
		t.Errorf("List of no folder = %s", got)
	}
	// What vanishes during the walk is not there.
	put(t, s, "forecasts/z", "x")
	var got []string
	for in, err := range s.List(t.Context(), "forecasts/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, in.Name)
		if err := s.Delete(t.Context(), "forecasts/z"); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(strings.Join(got, " "), "forecasts/z") {
		t.Errorf("List = %s", got)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if got, err := s.Path("forecasts/a/b.json"); err != nil || got != filepath.Join(dir, "forecasts", "a", "b.json") {
		t.Errorf("Path = %s, %v", got, err)
	}
	if got, err := s.Path("forecasts/../../etc/passwd"); !errors.Is(err, blobstore.ErrInvalidName) {
		t.Errorf("Path = %s, %v", got, err)
	}
}

// Durable puts take other system calls; this is that they work, not that a disk obeys.
func TestDurablePuts(t *testing.T) {
	t.Parallel()
	s, err := dirblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"forecasts/drops/x.json", "forecasts/runs/1/run.json", "processed-data/etl/1/_manifest.json"} {
		put(t, s, name, "{}")
		if _, err := s.Head(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dirblob.Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of a file: %v", err)
	}
}
