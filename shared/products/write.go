package products

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// WriteUnit stores a unit: first its forecasts, then, once, the summary that makes them
// count. A unit that was already there is success: the first summary stays, and forecasts
// with other bytes have another name and stay strays.
func WriteUnit(ctx context.Context, s blobstore.Store, runID, unit string, series []Series, version string) error {
	u, err := EncodeUnit(unit, series, version)
	if err != nil {
		return err
	}
	return u.Write(ctx, s, runID)
}

// Write stores an encoded unit, as WriteUnit does.
func (u Unit) Write(ctx context.Context, s blobstore.Store, runID string) error {
	if _, err := s.Put(ctx, run.Dir(runID)+u.Forecasts.Path, bytes.NewReader(u.ForecastBytes), blobstore.Condition{}); err != nil {
		return fmt.Errorf("put forecasts of unit %s: %w", u.Name, err)
	}
	_, err := s.Put(ctx, run.SeriesPlace(runID, u.Name), bytes.NewReader(u.SummaryBytes), blobstore.Once)
	if err != nil && !errors.Is(err, blobstore.ErrExists) {
		return fmt.Errorf("put summary of unit %s: %w", u.Name, err)
	}
	return nil
}
