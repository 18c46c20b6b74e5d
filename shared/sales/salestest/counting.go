package salestest

import (
	"context"
	"sync"

	"github.com/skucast/skucast/shared/blobstore"
)

// Counting counts the requests that pass to a store and can make the next ones fail.
type Counting struct {
	blobstore.Store

	mu     sync.Mutex
	heads  int
	ranges []Range
	fail   error
	after  int
}

// Range is one range request.
type Range struct {
	Name   string
	Off, N int64
	ETag   string
}

// Head implements blobstore.Store.
func (c *Counting) Head(ctx context.Context, name string) (blobstore.Info, error) {
	c.mu.Lock()
	c.heads++
	c.mu.Unlock()
	return c.Store.Head(ctx, name)
}

// ReadRange implements blobstore.Store.
func (c *Counting) ReadRange(ctx context.Context, name string, off, n int64, ifMatch string) ([]byte, error) {
	c.mu.Lock()
	c.ranges = append(c.ranges, Range{name, off, n, ifMatch})
	fail := c.fail
	if c.after > 0 {
		c.after--
		fail = nil
	}
	c.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	return c.Store.ReadRange(ctx, name, off, n, ifMatch)
}

// FailRanges makes every range request after the next n fail; a nil err ends that.
func (c *Counting) FailRanges(err error, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail, c.after = err, n
}

// Take returns the range requests since the last call.
func (c *Counting) Take() []Range {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.ranges
	c.ranges = nil
	return r
}
