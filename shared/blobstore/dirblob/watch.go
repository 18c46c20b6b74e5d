package dirblob

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
)

// PersonRest is how long the size and time of a file that a person copies must stay the
// same before it counts as complete.
const PersonRest = 2 * time.Second

// Prefix is one part of a store to watch.
type Prefix struct {
	// Name is a prefix as List takes it: "raw-data/incoming/".
	Name string
	// Suffix that names must have; empty for all. Others cost no look at the file.
	Suffix string
	// Depth of folders below Name's last slash to look into; negative for all.
	Depth int
	// Rest is how long a file must stay as it is. 0 where only Put writes, whose renames
	// make files appear complete; PersonRest where people copy.
	Rest time.Duration
}

// Watcher finds the blobs that appear or change: what Event Grid does for Azure Storage.
// Its fields are set before the first Poll.
type Watcher struct {
	Store    *Store
	Prefixes []Prefix
	// ReportExisting has the first Poll report what is there, instead of taking it as known.
	ReportExisting bool
	// Problem hears of files whose names no blob can have, once each, and of folders that
	// cannot be read, at each Poll. It may be nil.
	Problem func(name string, err error)

	once    sync.Once
	wake    chan struct{}
	mu      sync.Mutex          // guards own
	own     map[string]string   // ETags put by this process and not yet reported
	polled  bool                // whether there was a first Poll
	known   map[string]string   // ETags reported or taken as known
	resting map[string]rest     // changed, not yet at rest
	refused map[string]struct{} // names told to Problem
}

// rest is a version that was first seen at a time.
type rest struct {
	etag  string
	since time.Time
}

// Wake returns a channel that receives when this process puts something that is watched,
// so that a loop need not wait for its next tick. Other processes' puts do not wake.
func (w *Watcher) Wake() <-chan struct{} {
	w.once.Do(w.start)
	return w.wake
}

// start listens to the store's own puts: those are complete, wherever they are.
func (w *Watcher) start() {
	w.wake = make(chan struct{}, 1)
	w.own = map[string]string{}
	w.Store.onPut(func(in blobstore.Info) {
		if !w.watches(in.Name) {
			return
		}
		w.mu.Lock()
		w.own[in.Name] = in.ETag
		w.mu.Unlock()
		select {
		case w.wake <- struct{}{}:
		default: // it will wake anyway
		}
	})
}

func (w *Watcher) watches(name string) bool {
	for _, p := range w.Prefixes {
		rest, ok := strings.CutPrefix(name, p.Name[:strings.LastIndexByte(p.Name, '/')+1])
		if ok && strings.HasPrefix(name, p.Name) && strings.HasSuffix(name, p.Suffix) &&
			(p.Depth < 0 || strings.Count(rest, "/") <= p.Depth) {
			return true
		}
	}
	return false
}

// Poll returns the blobs that appeared or changed since the last Poll, in the order of
// Prefixes and then of names. It is for one goroutine.
func (w *Watcher) Poll(now time.Time) []blobstore.Info {
	w.once.Do(w.start)
	w.mu.Lock()
	own := w.own
	w.own = map[string]string{}
	w.mu.Unlock()

	var found []blobstore.Info
	known, resting, refused := map[string]string{}, map[string]rest{}, map[string]struct{}{}
	for _, p := range w.Prefixes {
		whole := w.scan(p, refused, func(in blobstore.Info) {
			if _, twice := known[in.Name]; twice {
				return
			}
			was, seen := w.known[in.Name]
			put := own[in.Name]
			delete(own, in.Name)
			switch {
			case seen && was == in.ETag || !w.polled && !w.ReportExisting && put != in.ETag:
			case unfinished(in.Name) && put != in.ETag:
				return
			case p.Rest > 0 && put != in.ETag && !w.rested(in, p.Rest, now, resting):
				if seen {
					known[in.Name] = was
				}
				return
			default:
				found = append(found, in)
			}
			known[in.Name] = in.ETag
		})
		if !whole { // what was not looked at has not gone
			carry(known, w.known, p.Name)
			carry(resting, w.resting, p.Name)
			w.giveBack(own)
		}
	}
	w.polled, w.known, w.resting, w.refused = true, known, resting, refused
	return found
}

// rested says whether a version has been seen for long enough, and remembers it if not.
func (w *Watcher) rested(in blobstore.Info, d time.Duration, now time.Time, resting map[string]rest) bool {
	r := w.resting[in.Name]
	if r.etag != in.ETag {
		r = rest{etag: in.ETag, since: now}
	}
	resting[in.Name] = r
	return now.Sub(r.since) >= d
}

// carry copies what old knows under a prefix to now, where now does not know better.
func carry[V any](now, old map[string]V, prefix string) {
	for name, v := range old {
		if _, ok := now[name]; !ok && strings.HasPrefix(name, prefix) {
			now[name] = v
		}
	}
}

// giveBack returns own puts that a Poll did not come to see.
func (w *Watcher) giveBack(own map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	carry(w.own, own, "")
}

// scan calls found for each blob under a prefix, and is false if it could not see all.
func (w *Watcher) scan(p Prefix, refused map[string]struct{}, found func(blobstore.Info)) (whole bool) {
	if err := blobstore.CheckPrefix(p.Name); err != nil {
		w.problem(p.Name, err)
		return false
	}
	whole = true
	k := walk{
		ctx: context.Background(), store: w.Store, prefix: p.Name, suffix: p.Suffix,
		yield: func(in blobstore.Info, err error) bool {
			if err != nil {
				w.problem(p.Name, err)
				whole = false
				return false
			}
			found(in)
			return true
		},
		refused: func(name string, err error) {
			if _, told := w.refused[name]; !told {
				w.problem(name, err)
			}
			refused[name] = struct{}{}
		},
	}
	k.dir(p.Name[:strings.LastIndexByte(p.Name, '/')+1], p.Depth)
	return whole
}

func (w *Watcher) problem(name string, err error) {
	if w.Problem != nil {
		w.Problem(name, err)
	}
}

// unfinished names are those that programs use while they write, and hidden files.
func unfinished(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	return strings.HasPrefix(base, ".") || strings.HasSuffix(base, ".tmp") ||
		strings.HasSuffix(base, ".part") || strings.HasSuffix(base, "~")
}
