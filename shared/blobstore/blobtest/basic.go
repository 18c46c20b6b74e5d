package blobtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
)

func roundTrip(t *testing.T, s blobstore.Store, dir string) {
	name := dir + "a.csv"
	in := put(t, s, name, "hello", blobstore.Condition{})
	if in.Name != name || in.Size != 5 || in.ETag == "" || strings.Contains(in.ETag, `"`) {
		t.Errorf("Put = %+v", in)
	}
	if age := time.Since(in.LastModified); age < -time.Hour || age > time.Hour || in.LastModified.Location() != time.UTC {
		t.Errorf("Last-Modified %v is not the present in UTC", in.LastModified)
	}
	content, opened := get(t, s, name)
	if content != "hello" {
		t.Errorf("read %q", content)
	}
	same(t, "Open's Info", opened, in)
	head, err := s.Head(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Head", head, in)
	put(t, s, name, "bye", blobstore.Condition{})
	if content, _ := get(t, s, name); content != "bye" {
		t.Errorf("after an unconditional put: %q", content)
	}
}

func emptyBlob(t *testing.T, s blobstore.Store, dir string) {
	in := put(t, s, dir+"empty", "", blobstore.Once)
	if in.Size != 0 {
		t.Errorf("size %d", in.Size)
	}
	if content, _ := get(t, s, dir+"empty"); content != "" {
		t.Errorf("read %q", content)
	}
	_, err := s.Put(t.Context(), dir+"empty", strings.NewReader("x"), blobstore.Once)
	wantErr(t, "Put over an empty blob", err, blobstore.ErrExists)
	if got := names(t, s, dir); len(got) != 1 {
		t.Errorf("List = %q", got)
	}
}

// etags: also the same content, at once again, gives a new ETag, as it does in Azure.
func etags(t *testing.T, s blobstore.Store, dir string) {
	seen := map[string]int{}
	for i := range 64 {
		in := put(t, s, dir+"x", "same", blobstore.Condition{})
		if j, ok := seen[in.ETag]; ok {
			t.Fatalf("writes %d and %d have the same ETag %s", j, i, in.ETag)
		}
		seen[in.ETag] = i
	}
}

func deletes(t *testing.T, s blobstore.Store, dir string) {
	old := put(t, s, dir+"x", "1", blobstore.Once)
	put(t, s, dir+"xy", "2", blobstore.Once)
	for range 2 { // the second finds nothing
		if err := s.Delete(t.Context(), dir+"x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, s, dir); len(got) != 1 || got[0] != dir+"xy" {
		t.Errorf("List = %q", got)
	}
	_, err := s.Put(t.Context(), dir+"x", strings.NewReader("3"), blobstore.Condition{IfMatch: old.ETag})
	wantErr(t, "Put if it still is the deleted one", err, blobstore.ErrChanged)
	again := put(t, s, dir+"x", "1", blobstore.Once)
	if again.ETag == old.ETag {
		t.Errorf("the same ETag after a deletion: %s", again.ETag)
	}
}

func notFound(t *testing.T, s blobstore.Store, dir string) {
	ctx := t.Context()
	put(t, s, dir+"folder/file", "x", blobstore.Condition{})
	for _, name := range []string{dir + "none", dir + "folder", dir + "folder/file/under", "raw-data/none/at/all"} {
		_, err := s.Head(ctx, name)
		wantErr(t, "Head "+name, err, blobstore.ErrNotFound)
		_, _, err = s.Open(ctx, name)
		wantErr(t, "Open "+name, err, blobstore.ErrNotFound)
		_, err = s.ReadRange(ctx, name, 0, 1, "")
		wantErr(t, "ReadRange "+name, err, blobstore.ErrNotFound)
		if err := s.Delete(ctx, name); err != nil {
			t.Errorf("Delete of nothing: %v", err)
		}
	}
	if content, _ := get(t, s, dir+"folder/file"); content != "x" {
		t.Errorf("the other blob is now %q", content)
	}
}

func invalidNames(t *testing.T, s blobstore.Store, dir string) {
	ctx := t.Context()
	for _, name := range []string{
		"", "forecasts", "forecasts/", "/forecasts/a", "forecasts/../b", "forecasts/a/./b",
		"forecasts//a", "../a", ".tmp/a", "forecasts/a\x00", "forecasts/a\nb", dir,
	} {
		_, err := s.Head(ctx, name)
		wantErr(t, "Head "+name, err, blobstore.ErrInvalidName)
		_, _, err = s.Open(ctx, name)
		wantErr(t, "Open "+name, err, blobstore.ErrInvalidName)
		_, err = s.ReadRange(ctx, name, 0, 1, "")
		wantErr(t, "ReadRange "+name, err, blobstore.ErrInvalidName)
		_, err = s.Put(ctx, name, strings.NewReader("x"), blobstore.Condition{})
		wantErr(t, "Put "+name, err, blobstore.ErrInvalidName)
		wantErr(t, "Delete "+name, s.Delete(ctx, name), blobstore.ErrInvalidName)
	}
	for _, prefix := range []string{"", "forecasts", "/", "forecasts/../", "../"} {
		for _, err := range s.List(ctx, prefix) {
			wantErr(t, "List "+prefix, err, blobstore.ErrInvalidName)
		}
	}
}

func unusualNames(t *testing.T, s blobstore.Store, dir string) {
	for _, base := range []string{
		"größe.csv", "two words.csv", "100%25.csv", "a+b=c&d?.csv", "#1.csv", "日本/売上.csv",
		"semi;colon,comma.csv", "quote'\".csv", "..csv", ".hidden", "plus+ space",
	} {
		put(t, s, dir+base, base, blobstore.Once)
		if content, in := get(t, s, dir+base); content != base || in.Name != dir+base {
			t.Errorf("%q came back as %q, %q", base, content, in.Name)
		}
		if got := names(t, s, dir+base); len(got) != 1 || got[0] != dir+base {
			t.Errorf("List(%q) = %q", base, got)
		}
	}
	for _, name := range names(t, s, dir) {
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("Delete(%q): %v", name, err)
		}
	}
	if got := names(t, s, dir); len(got) != 0 {
		t.Errorf("left over: %q", got)
	}
}

func cancelled(t *testing.T, s blobstore.Store, dir string) {
	put(t, s, dir+"x", "x", blobstore.Condition{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Head(ctx, dir+"x")
	wantErr(t, "Head", err, context.Canceled)
	_, _, err = s.Open(ctx, dir+"x")
	wantErr(t, "Open", err, context.Canceled)
	_, err = s.ReadRange(ctx, dir+"x", 0, 1, "")
	wantErr(t, "ReadRange", err, context.Canceled)
	_, err = s.Put(ctx, dir+"y", strings.NewReader("y"), blobstore.Condition{})
	wantErr(t, "Put", err, context.Canceled)
	wantErr(t, "Delete", s.Delete(ctx, dir+"x"), context.Canceled)
	n := 0
	for _, err := range s.List(ctx, dir) {
		wantErr(t, "List", err, context.Canceled)
		n++
	}
	if n != 1 {
		t.Errorf("List yielded %d times, want the error only", n)
	}
	if got := names(t, s, dir); len(got) != 1 {
		t.Errorf("after cancelled calls: %q", got)
	}
}

// bodyFails: a body that breaks off leaves what was there.
func bodyFails(t *testing.T, s blobstore.Store, dir string) {
	broken := errors.New("line cut")
	body := func() io.Reader {
		return io.MultiReader(io.LimitReader(zeros{}, 1<<20), errReader{broken})
	}
	_, err := s.Put(t.Context(), dir+"new", body(), blobstore.Once)
	wantErr(t, "Put of a new blob", err, broken)
	put(t, s, dir+"old", "old", blobstore.Condition{})
	_, err = s.Put(t.Context(), dir+"old", body(), blobstore.Condition{})
	wantErr(t, "Put over a blob", err, broken)
	if content, _ := get(t, s, dir+"old"); content != "old" {
		t.Errorf("the old blob has %d bytes now", len(content))
	}
	if got := names(t, s, dir); len(got) != 1 {
		t.Errorf("List = %q", got)
	}
}

func getJSON(t *testing.T, s blobstore.Store, dir string) {
	in := put(t, s, dir+"a.json", `{"v":1}`, blobstore.Once)
	var v struct{ V int }
	got, err := blobstore.GetJSON(t.Context(), s, dir+"a.json", &v)
	if err != nil || v.V != 1 {
		t.Errorf("GetJSON = %+v, %v", v, err)
	}
	same(t, "GetJSON", got, in)
	_, err = blobstore.GetJSON(t.Context(), s, dir+"none.json", &v)
	wantErr(t, "GetJSON", err, blobstore.ErrNotFound)
	put(t, s, dir+"b.json", `{"v":`, blobstore.Once)
	if _, err := blobstore.GetJSON(t.Context(), s, dir+"b.json", &v); err == nil || !strings.Contains(err.Error(), "b.json") {
		t.Errorf("GetJSON of half a document: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }
