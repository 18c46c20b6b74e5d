package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// maxSwaps bounds the attempts of one compare-and-swap; each lost race means that
// somebody else won, so only a storm of writers gets here.
const maxSwaps = 64

// State reads state.json; ok is false if there is none yet.
func (l Ledger) State(ctx context.Context, id string) (s run.State, info blobstore.Info, ok bool, err error) {
	info, err = run.Read(ctx, l.Store, run.StatePlace(id), &s)
	if errors.Is(err, blobstore.ErrNotFound) {
		return run.State{V: run.Version}, blobstore.Info{}, false, nil
	}
	return s, info, err == nil, err
}

// UpdateState changes state.json by compare-and-swap: change is applied to the newest
// state as often as others get in between. It returns the state that was stored. A run
// without state starts from what series/ holds.
func (l Ledger) UpdateState(ctx context.Context, id string, units int, change func(*run.State) error) (run.State, error) {
	for range maxSwaps {
		s, info, ok, err := l.State(ctx, id)
		if err != nil {
			return run.State{}, err
		}
		cond := blobstore.Condition{IfMatch: info.ETag}
		if !ok {
			cond = blobstore.Once
		}
		if s.Units == 0 && units > 0 { // new, or written before the plan was known
			if _, err = l.Recount(ctx, id, units, &s); err != nil {
				return run.State{}, err
			}
		}
		if err := change(&s); err != nil {
			return run.State{}, err
		}
		_, err = l.Store.Put(ctx, run.StatePlace(id), bytes.NewReader(run.Canonical(s)), cond)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, blobstore.ErrChanged) && !errors.Is(err, blobstore.ErrExists) {
			return run.State{}, err
		}
		if err := pause(ctx); err != nil {
			return run.State{}, err
		}
	}
	return run.State{}, fmt.Errorf("state of run %s changed %d times in a row under this writer", run.Short(id), maxSwaps)
}

// pause lets the winner of a race finish; its length is random so that losers spread.
func pause(ctx context.Context) error {
	t := time.NewTimer(time.Duration(1+rand.IntN(20)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
