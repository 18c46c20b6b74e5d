package blobtest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
)

func conditions(t *testing.T, s blobstore.Store, dir string) {
	ctx, name := t.Context(), dir+"x"
	_, err := s.Put(ctx, name, strings.NewReader("0"), blobstore.Condition{IfMatch: "0x8D0000000000000"})
	wantErr(t, "IfMatch on nothing", err, blobstore.ErrChanged)
	first := put(t, s, name, "1", blobstore.Once)
	_, err = s.Put(ctx, name, strings.NewReader("2"), blobstore.Once)
	wantErr(t, "IfNoneMatch on something", err, blobstore.ErrExists)
	second := put(t, s, name, "3", blobstore.Condition{IfMatch: first.ETag})
	if second.ETag == first.ETag {
		t.Errorf("ETag stays %s", first.ETag)
	}
	_, err = s.Put(ctx, name, strings.NewReader("4"), blobstore.Condition{IfMatch: first.ETag})
	wantErr(t, "IfMatch of an old version", err, blobstore.ErrChanged)
	if content, _ := get(t, s, name); content != "3" {
		t.Errorf("content %q, want 3", content)
	}
}

func creators(t *testing.T, s blobstore.Store, dir string) {
	const n = 32
	var wg sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			_, errs[i] = s.Put(t.Context(), dir+"claim", strings.NewReader(strconv.Itoa(i)), blobstore.Once)
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, blobstore.ErrExists):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if content, _ := get(t, s, dir+"claim"); content != strconv.Itoa(winner) {
		t.Errorf("winner %d, content %q", winner, content)
	}
}

func updates(t *testing.T, s blobstore.Store, dir string) {
	const writers, each = 8, 10
	put(t, s, dir+"counter", "0", blobstore.Once)
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			for range each {
				if errs[i] = Increment(t, s, dir+"counter"); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if content, _ := get(t, s, dir+"counter"); content != strconv.Itoa(writers*each) {
		t.Errorf("counter is %s after %d increments", content, writers*each)
	}
}

// Increment adds one to the number in a blob by compare-and-swap; drivers' own tests use it
// between processes.
func Increment(t *testing.T, s blobstore.Store, name string) error {
	for {
		b, in, err := read(t.Context(), s, name)
		if errors.Is(err, blobstore.ErrChanged) { // between the first and the last byte
			continue
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(b))
		if err != nil {
			return fmt.Errorf("counter: %w", err)
		}
		_, err = s.Put(t.Context(), name, strings.NewReader(strconv.Itoa(n+1)), blobstore.Condition{IfMatch: in.ETag})
		if !errors.Is(err, blobstore.ErrChanged) {
			return err
		}
	}
}

// replacedWhileOpen: the stream ends in the old content or in ErrChanged, never in a mixture.
func replacedWhileOpen(t *testing.T, s blobstore.Store, dir string) {
	const size = 8 << 20
	name := dir + "x"
	if _, err := s.Put(t.Context(), name, io.LimitReader(pattern('a'), size), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
	r, in, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), name, io.LimitReader(pattern('b'), size), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, blobstore.ErrChanged) {
		t.Errorf("reading on: %v", err)
	}
	if err == nil && len(rest) != size-len(head) {
		t.Errorf("read %d bytes more, want %d", len(rest), size-len(head))
	}
	if strings.Trim(string(head)+string(rest), "a") != "" {
		t.Error("bytes of both versions")
	}
	_, err = s.ReadRange(t.Context(), name, 0, 10, in.ETag)
	wantErr(t, "ReadRange of the old version", err, blobstore.ErrChanged)
}

// pattern repeats one byte for ever.
type pattern byte

func (b pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}
