package products

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// CarryOver copies units of one run into another, as they are: nothing in their files
// names a run. A unit that is missing or corrupt is left out, for the other run to train.
// It returns how many were copied.
func CarryOver(ctx context.Context, s blobstore.Store, from, to string, units []int) (copied int, err error) {
	err = inOrder(ctx, len(units), func(ctx context.Context, i int) (bool, error) {
		err := carryUnit(ctx, s, from, to, run.UnitName(units[i]))
		if errors.Is(err, ErrCorrupt) || errors.Is(err, blobstore.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}, func(_ int, done bool) error {
		if done {
			copied++
		}
		return nil
	})
	return copied, err
}

// carryUnit copies the forecasts first: the summary makes them count.
func carryUnit(ctx context.Context, s blobstore.Store, from, to, unit string) error {
	sum, err := ReadSummary(ctx, s, run.SeriesPlace(from, unit))
	if err != nil {
		return err
	}
	if _, err := ReadForecast(ctx, s, run.Dir(from)+sum.Forecasts.Path); err != nil {
		return err
	}
	if err := copyBlob(ctx, s, run.Dir(from)+sum.Forecasts.Path, run.Dir(to)+sum.Forecasts.Path, blobstore.Condition{}); err != nil {
		return err
	}
	return copyBlob(ctx, s, run.SeriesPlace(from, unit), run.SeriesPlace(to, unit), blobstore.Once)
}

func copyBlob(ctx context.Context, s blobstore.Store, from, to string, c blobstore.Condition) error {
	data, err := readAll(ctx, s, from)
	if err != nil {
		return err
	}
	if _, err := s.Put(ctx, to, bytes.NewReader(data), c); err != nil && !errors.Is(err, blobstore.ErrExists) {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}
