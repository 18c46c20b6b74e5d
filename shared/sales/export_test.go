package sales

import "github.com/skucast/skucast/shared/sales/lru"

// SetPageGap lets a small file show what a large one would: pages that are not needed are
// not read.
func (r *Reader) SetPageGap(bytes int64) { r.gap = bytes }

// SetHeld bounds the decoded rows that r holds, so that a small file exceeds it.
func (r *Reader) SetHeld(bytes int64) { r.blocks = lru.New[blockKey, *block](bytes) }

// Held is the memory and number of decoded blocks that r holds.
func (r *Reader) Held() (bytes int64, blocks int) { return r.blocks.Cost(), r.blocks.Len() }
