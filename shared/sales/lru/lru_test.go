package lru

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func loadInt(v int, cost int64) func(context.Context) (int, int64, error) {
	return func(context.Context) (int, int64, error) { return v, cost, nil }
}

func mustGet(t *testing.T, c *Cache[string, int], key string, load func(context.Context) (int, int64, error)) int {
	t.Helper()
	v, err := c.Get(t.Context(), key, load)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBoundDropsTheLeastRecentlyUsed(t *testing.T) {
	c := New[string, int](10)
	mustGet(t, c, "a", loadInt(1, 4))
	mustGet(t, c, "b", loadInt(2, 4))
	mustGet(t, c, "a", loadInt(-1, 4)) // used again: b is now the oldest
	mustGet(t, c, "c", loadInt(3, 4))
	if c.Has("b") || !c.Has("a") || !c.Has("c") {
		t.Errorf("held a %v, b %v, c %v; want a and c", c.Has("a"), c.Has("b"), c.Has("c"))
	}
	if got := mustGet(t, c, "huge", loadInt(9, 11)); got != 9 {
		t.Errorf("value above the bound = %d, want 9", got)
	}
	if c.Cost() > 10 || c.Has("huge") {
		t.Errorf("cost %d above the bound of 10, huge held %v", c.Cost(), c.Has("huge"))
	}
}

func TestDrop(t *testing.T) {
	c := New[string, int](10)
	mustGet(t, c, "a", loadInt(1, 1))
	c.Drop("a")
	c.Drop("never there")
	if got := mustGet(t, c, "a", loadInt(2, 1)); got != 2 || c.Cost() != 1 || c.Len() != 1 {
		t.Errorf("after Drop: value %d, cost %d, len %d; want 2, 1, 1", got, c.Cost(), c.Len())
	}
}

func TestOneLoadForMany(t *testing.T) {
	c := New[string, int](10)
	var loads atomic.Int32
	release := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			v, err := c.Get(t.Context(), "a", func(context.Context) (int, int64, error) {
				loads.Add(1)
				<-release
				return 7, 1, nil
			})
			if v != 7 || err != nil {
				t.Errorf("Get = %d, %v", v, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if loads.Load() != 1 {
		t.Errorf("loaded %d times, want once", loads.Load())
	}
}

func TestFailureIsNotKept(t *testing.T) {
	c := New[string, int](10)
	broken := errors.New("broken")
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.Get(t.Context(), "a", func(context.Context) (int, int64, error) {
			close(started)
			<-release
			return 0, 0, broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("first Get: %v, want %v", err, broken)
		}
	})
	<-started
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(gone, "a", loadInt(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Get with an ended context while another loads: %v", err)
	}
	wg.Go(func() { // waits for the first, then loads itself
		if v, err := c.Get(t.Context(), "a", loadInt(5, 1)); v != 5 || err != nil {
			t.Errorf("second Get = %d, %v; want 5", v, err)
		}
	})
	close(release)
	wg.Wait()
	if !c.Has("a") || c.Cost() != 1 || c.Len() != 1 {
		t.Errorf("held %v, cost %d, len %d", c.Has("a"), c.Cost(), c.Len())
	}
}
