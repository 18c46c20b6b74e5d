package products

import (
	"context"
	"sync"
)

// readers bounds how many units are read at once: enough to hide the latency of object
// storage, and the number of units in memory.
const readers = 8

// inOrder calls get for 0 … n−1, several at a time, and fold with the results one at a
// time in that order, so that what fold builds does not depend on timing. The first error
// in that order ends it.
func inOrder[T any](ctx context.Context, n int, get func(context.Context, int) (T, error), fold func(int, T) error) error {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	var pending [readers]chan result
	start := func(i int) {
		c := make(chan result, 1)
		pending[i%readers] = c
		running.Go(func() {
			v, err := get(ctx, i)
			c <- result{v, err}
		})
	}
	for i := range min(n, readers) {
		start(i)
	}
	for i := range n {
		r := <-pending[i%readers]
		if r.err != nil {
			return r.err
		}
		if next := i + readers; next < n {
			start(next)
		}
		if err := fold(i, r.value); err != nil {
			return err
		}
	}
	return ctx.Err()
}
