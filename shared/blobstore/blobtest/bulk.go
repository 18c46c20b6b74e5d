package blobtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
)

func ranges(t *testing.T, s blobstore.Store, dir string) {
	name := dir + "x"
	in := put(t, s, name, "0123456789", blobstore.Once)
	for _, c := range []struct {
		name   string
		off, n int64
		match  string
		want   string
		err    error
	}{
		{name: "inside", off: 2, n: 3, want: "234"},
		{name: "whole", n: 10, want: "0123456789"},
		{name: "last byte", off: 9, n: 1, want: "9"},
		{name: "over the end", off: 8, n: 100, want: "89"},
		{name: "nothing", off: 3, n: 0, want: ""},
		{name: "at the end", off: 10, n: 1, err: blobstore.ErrRange},
		{name: "beyond", off: 11, n: 1, err: blobstore.ErrRange},
		{name: "far beyond", off: 1 << 40, n: 1, err: blobstore.ErrRange},
		{name: "negative", off: -1, n: 1, err: blobstore.ErrRange},
		{name: "same version", off: 0, n: 2, match: in.ETag, want: "01"},
		{name: "other version", off: 0, n: 2, match: "0x8D0000000000000", err: blobstore.ErrChanged},
		{name: "nothing of another version", off: 0, n: 0, match: "0x8D0000000000000", err: blobstore.ErrChanged},
	} {
		b, err := s.ReadRange(t.Context(), name, c.off, c.n, c.match)
		if c.err != nil {
			wantErr(t, c.name, err, c.err)
			continue
		}
		if err != nil || string(b) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, b, err, c.want)
		}
	}
	put(t, s, dir+"empty", "", blobstore.Once)
	_, err := s.ReadRange(t.Context(), dir+"empty", 0, 1, "")
	wantErr(t, "of an empty blob", err, blobstore.ErrRange)
}

// names lists a prefix and checks every Info against Head.
func names(t *testing.T, s blobstore.Store, prefix string) []string {
	t.Helper()
	var out []string
	for in, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%s): %v", prefix, err)
		}
		head, err := s.Head(t.Context(), in.Name)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "listed "+in.Name, in, head)
		out = append(out, in.Name)
	}
	return out
}

func list(t *testing.T, s blobstore.Store, dir string) {
	all := []string{"a-b", "a.csv", "a/b/c", "a/b.csv", "a0", "b/é", "b/z", "bb"}
	for i := range all {
		all[i] = dir + all[i]
		put(t, s, all[i], "x", blobstore.Once)
	}
	slices.Sort(all)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "a.", "b", "b/", "bb", "c", "a/c/", "a-b/"} {
		want := slices.Collect(func(yield func(string) bool) {
			for _, n := range all {
				if strings.HasPrefix(n, dir+prefix) && !yield(n) {
					return
				}
			}
		})
		if got := names(t, s, dir+prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) =\n%q, want\n%q", prefix, got, want)
		}
	}
}

// listMany has more blobs than some services return at once.
func listMany(t *testing.T, s blobstore.Store, dir string) {
	const n = 120
	var wg sync.WaitGroup
	work := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range work {
				if _, err := s.Put(t.Context(), fmt.Sprintf("%s%03d", dir, i), strings.NewReader("x"), blobstore.Once); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	got := names(t, s, dir)
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d names, sorted %v, want %d", len(got), slices.IsSorted(got), n)
	}
}

func listEarlyEnd(t *testing.T, s blobstore.Store, dir string) {
	for _, base := range []string{"a/1", "a/2", "b/1"} {
		put(t, s, dir+base, "x", blobstore.Once)
	}
	for in, err := range s.List(t.Context(), dir) {
		if err != nil || in.Name != dir+"a/1" {
			t.Errorf("first = %v, %v", in.Name, err)
		}
		break // going on would panic
	}
}

func large(t *testing.T, s blobstore.Store, dir string) {
	const size = 64 << 20
	sum := sha256.New()
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum)
	in, err := s.Put(t.Context(), dir+"big", body, blobstore.Once)
	if err != nil {
		t.Fatal(err)
	}
	r, opened, err := s.Open(t.Context(), dir+"big")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	same(t, "Open's Info", opened, in)
	back := sha256.New()
	if n, err := io.Copy(back, r); err != nil || n != size || in.Size != size {
		t.Errorf("read %d bytes of %d, %v", n, in.Size, err)
	}
	if !bytes.Equal(back.Sum(nil), sum.Sum(nil)) {
		t.Error("other bytes came back")
	}
	if err := s.Delete(t.Context(), dir+"big"); err != nil {
		t.Error(err)
	}
}
