// Package lru is a bounded cache of immutable values that are read once by whoever asks
// first, while others who want the same value wait for it.
package lru

import (
	"container/list"
	"context"
	"sync"
)

// Cache holds values up to a total cost and drops those used longest ago. It is safe for
// concurrent use. The zero value is not usable; call New.
type Cache[K comparable, V any] struct {
	max int64

	mu    sync.Mutex
	cost  int64
	items map[K]*item[K, V]
	order *list.List // of *item, most recently used first; only loaded items
}

type item[K comparable, V any] struct {
	key   K
	turn  chan struct{} // holds one token: whoever takes it may load
	place *list.Element // nil until loaded, and again once dropped
	value V
	done  bool
	cost  int64
}

// New returns a cache that holds values up to a total cost. A single value above it is
// still returned, but not kept.
func New[K comparable, V any](maxCost int64) *Cache[K, V] {
	return &Cache[K, V]{max: maxCost, items: map[K]*item[K, V]{}, order: list.New()}
}

// Get returns the value of key, calling load if it is not held. At most one caller loads
// a key at a time; if its load fails, or its context ends, the next one who waits tries
// with its own.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, int64, error)) (V, error) {
	it, held := c.find(key)
	if held {
		return it.value, nil
	}
	select {
	case <-it.turn:
	default: // someone is loading it
		select {
		case <-it.turn:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	defer func() { it.turn <- struct{}{} }()
	if it.done {
		return it.value, nil
	}
	v, cost, err := load(ctx)
	if err != nil {
		c.forget(it)
		var none V
		return none, err
	}
	it.value, it.cost = v, cost
	c.keep(it)
	return v, nil
}

// Has reports whether a value is held, without counting as a use.
func (c *Cache[K, V]) Has(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := c.items[key]
	return it != nil && it.place != nil
}

// Drop forgets a value.
func (c *Cache[K, V]) Drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if it := c.items[key]; it != nil && it.place != nil {
		c.remove(it)
	}
}

// Cost is the total cost of what is held.
func (c *Cache[K, V]) Cost() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cost
}

// Len is the number of values held.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}

func (c *Cache[K, V]) find(key K) (it *item[K, V], held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it = c.items[key]
	if it == nil {
		it = &item[K, V]{key: key, turn: make(chan struct{}, 1)}
		it.turn <- struct{}{}
		c.items[key] = it
	}
	if it.place == nil {
		return it, false
	}
	c.order.MoveToFront(it.place)
	return it, true
}

func (c *Cache[K, V]) keep(it *item[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it.done = true
	// After a failed load by another caller the key may have a newer item; that one stays.
	if cur := c.items[it.key]; cur != nil && cur != it {
		return
	}
	c.items[it.key] = it
	it.place = c.order.PushFront(it)
	c.cost += it.cost
	for c.cost > c.max && c.order.Len() > 0 {
		c.remove(c.order.Back().Value.(*item[K, V]))
	}
}

func (c *Cache[K, V]) forget(it *item[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[it.key] == it {
		delete(c.items, it.key)
	}
}

// remove drops a loaded item; whoever still holds its value keeps it alive.
func (c *Cache[K, V]) remove(it *item[K, V]) {
	c.order.Remove(it.place)
	it.place = nil
	c.cost -= it.cost
	delete(c.items, it.key)
}
