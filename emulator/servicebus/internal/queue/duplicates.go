package queue

import "time"

// duplicates remembers message ids for a window of time.
type duplicates struct {
	window int64 // ms
	ids    map[string]struct{}
	order  []Seen // oldest first, from position first on
	first  int
}

// maxIDs bounds the ids remembered; beyond it the oldest are forgotten before their time.
const maxIDs = 5_000_000

func newDuplicates(window time.Duration) duplicates {
	return duplicates{window: window.Milliseconds(), ids: map[string]struct{}{}}
}

// add reports whether the id came within the window before now, and remembers it if not. A
// repeated id does not prolong its window, as in the service.
func (d *duplicates) add(id string, now int64) bool {
	if d.window <= 0 {
		return false
	}
	d.forget(now)
	if _, ok := d.ids[id]; ok {
		return true
	}
	if len(d.ids) >= maxIDs {
		d.forgetOldest()
	}
	d.ids[id] = struct{}{}
	d.order = append(d.order, Seen{id, now})
	return false
}

// forget drops what is older than the window.
func (d *duplicates) forget(now int64) {
	for d.first < len(d.order) && now-d.order[d.first].At >= d.window {
		d.forgetOldest()
	}
	if d.first > 1024 && d.first*2 > len(d.order) {
		d.order = append([]Seen(nil), d.order[d.first:]...)
		d.first = 0
	}
}

func (d *duplicates) forgetOldest() {
	delete(d.ids, d.order[d.first].ID)
	d.order[d.first] = Seen{}
	d.first++
}

// all returns what is remembered, oldest first.
func (d *duplicates) all() []Seen { return append([]Seen(nil), d.order[d.first:]...) }
