package queue

import "time"

// duplicates remembers message ids for a window of time.
type duplicates struct {
	window time.Duration
	ids    map[string]struct{}
	order  []arrival // oldest first, from position first on
	first  int
}

type arrival struct {
	id string
	at time.Time
}

func newDuplicates(window time.Duration) duplicates {
	return duplicates{window: window, ids: map[string]struct{}{}}
}

// add reports whether the id came within the window before now, and remembers it if not. A
// repeated id does not prolong its window, as in the service.
func (d *duplicates) add(id string, now time.Time) bool {
	if d.window <= 0 {
		return false
	}
	for d.first < len(d.order) && now.Sub(d.order[d.first].at) >= d.window {
		delete(d.ids, d.order[d.first].id)
		d.order[d.first] = arrival{}
		d.first++
	}
	if d.first > 1024 && d.first*2 > len(d.order) {
		d.order = append([]arrival(nil), d.order[d.first:]...)
		d.first = 0
	}
	if _, ok := d.ids[id]; ok {
		return true
	}
	d.ids[id] = struct{}{}
	d.order = append(d.order, arrival{id, now})
	return false
}
