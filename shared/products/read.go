package products

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// ErrCorrupt says that a unit's file is there but is not what was written, as after a
// power cut in a folder that is not synced. The unit counts as missing: delete its
// summary and train it again.
var ErrCorrupt = errors.New("unit is corrupt")

// UnitSummary is a decoded series/<unit>.parquet.
type UnitSummary struct {
	Series    []SeriesRow
	Forecasts run.File // the part that counts; path relative to the run's folder
	File      run.File // the summary itself
}

// ReadSummary reads the summary at a place of run.SeriesPlace.
func ReadSummary(ctx context.Context, s blobstore.Store, place string) (UnitSummary, error) {
	data, err := readAll(ctx, s, place)
	if err != nil {
		return UnitSummary{}, err
	}
	u, err := decodeSummary(data)
	if err != nil {
		return UnitSummary{}, fmt.Errorf("%s: %w", place, err)
	}
	sum := sha256.Sum256(data)
	u.File = run.File{
		Path: "series/" + path.Base(place), Rows: int64(len(u.Series)),
		Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:]),
	}
	unit := strings.TrimSuffix(path.Base(place), ".parquet")
	if u.Forecasts.Path != forecastPath(unit, u.Forecasts.SHA256) {
		return UnitSummary{}, fmt.Errorf("%s: names the forecasts %q: %w", place, u.Forecasts.Path, ErrCorrupt)
	}
	return u, nil
}

// ReadForecast reads a forecast part and checks it against the hash in its name.
func ReadForecast(ctx context.Context, s blobstore.Store, place string) ([]ForecastRow, error) {
	data, err := readAll(ctx, s, place)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if !strings.HasSuffix(place, "-"+hex.EncodeToString(sum[:6])+".parquet") {
		return nil, fmt.Errorf("%s: content has sha256 %x: %w", place, sum, ErrCorrupt)
	}
	rows, _, err := decode[ForecastRow](data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return rows, nil
}

// Corrupt names the units, among those that have a summary, whose files cannot be read,
// in order. It reads everything: it is meant for a local folder after a crash.
func Corrupt(ctx context.Context, s blobstore.Store, runID string, units int) ([]string, error) {
	var bad []string
	err := inOrder(ctx, units, func(ctx context.Context, i int) (bool, error) {
		u, err := ReadSummary(ctx, s, run.SeriesPlace(runID, run.UnitName(i)))
		if errors.Is(err, blobstore.ErrNotFound) {
			return false, nil
		}
		if err == nil {
			_, err = ReadForecast(ctx, s, run.Dir(runID)+u.Forecasts.Path)
		}
		if errors.Is(err, ErrCorrupt) || errors.Is(err, blobstore.ErrNotFound) {
			return true, nil
		}
		return false, err
	}, func(i int, corrupt bool) error {
		if corrupt {
			bad = append(bad, run.UnitName(i))
		}
		return nil
	})
	return bad, err
}

func readAll(ctx context.Context, s blobstore.Store, place string) ([]byte, error) {
	r, info, err := s.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	buf := bytes.NewBuffer(make([]byte, 0, info.Size+bytes.MinRead))
	if _, err := io.Copy(buf, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", place, err)
	}
	return buf.Bytes(), nil
}

func decodeSummary(data []byte) (UnitSummary, error) {
	if !intact(data) {
		return UnitSummary{}, fmt.Errorf("content is not what its seal says: %w", ErrCorrupt)
	}
	rows, meta, err := decode[SeriesRow](data)
	if err != nil {
		return UnitSummary{}, err
	}
	if len(rows) == 0 {
		return UnitSummary{}, fmt.Errorf("no series: %w", ErrCorrupt)
	}
	u := UnitSummary{Series: rows, Forecasts: run.File{Path: rows[0].ForecastFile, SHA256: meta(metaSHA256)}}
	var err1, err2 error
	u.Forecasts.Rows, err1 = strconv.ParseInt(meta(metaRows), 10, 64)
	u.Forecasts.Bytes, err2 = strconv.ParseInt(meta(metaBytes), 10, 64)
	if err := errors.Join(err1, err2); err != nil || len(u.Forecasts.SHA256) != 64 {
		return UnitSummary{}, fmt.Errorf("metadata does not describe the forecasts: %w", ErrCorrupt)
	}
	for i := range rows {
		if i > 0 && rows[i-1].Key().Compare(rows[i].Key()) >= 0 {
			return UnitSummary{}, fmt.Errorf("%v out of order: %w", rows[i].Key(), ErrCorrupt)
		}
	}
	return u, nil
}

// decode reads a whole file of T, whose content was found to be what we wrote.
func decode[T any](data []byte) ([]T, func(string) string, error) {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, nil, fmt.Errorf("read Parquet footer: %w (%w)", err, ErrCorrupt)
	}
	meta := func(key string) string { v, _ := f.Lookup(key); return v }
	if v := meta(metaVersion); v != formatVersion {
		return nil, nil, event.Permanent("unknown_version",
			fmt.Errorf("format version %.20q; this build reads version %s", v, formatVersion))
	}
	if !parquet.EqualNodes(f.Schema(), parquet.SchemaOf(new(T))) {
		return nil, nil, fmt.Errorf("columns are not those of the format: %w", ErrCorrupt)
	}
	r := parquet.NewGenericReader[T](f)
	defer func() { _ = r.Close() }()
	rows := make([]T, r.NumRows())
	n, err := r.Read(rows)
	if n < len(rows) {
		return nil, nil, fmt.Errorf("read row %d of %d: %w (%w)", n+1, len(rows), cmp.Or(err, io.ErrUnexpectedEOF), ErrCorrupt)
	}
	return rows, meta, nil
}
