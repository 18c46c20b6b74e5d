package backtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// parallel calls do for every i below n, from several goroutines, and returns
// an error of those that failed. Each goroutine has a number, so
// that it can own its memory.
func parallel(ctx context.Context, workers, n int, do func(ctx context.Context, worker, i int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next   atomic.Int64
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed = n
		err    error
	)
	for w := range min(max(1, workers), max(1, n)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				e := ctx.Err()
				if e == nil {
					e = do(ctx, w, i)
				}
				if e == nil {
					continue
				}
				mu.Lock()
				if err == nil || i < failed && !errors.Is(e, context.Canceled) {
					failed, err = i, e
				}
				mu.Unlock()
				cancel()
				return
			}
		})
	}
	wg.Wait()
	return err
}

// progress counts steps for a listener.
type progress struct {
	mu          sync.Mutex
	tell        func(done, total int)
	done, total int
}

func newProgress(tell func(done, total int), total int) *progress {
	return &progress{tell: tell, total: total}
}

func (p *progress) step() {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.tell(min(p.done, p.total), p.total)
}

// finish accounts for steps that turned out not to be needed.
func (p *progress) finish() {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = p.total
	p.tell(p.done, p.total)
}
