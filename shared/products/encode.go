package products

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/run"
)

// Metadata of the Parquet files. A summary describes its forecast part, so that whoever
// lists a run's files need not read them.
const (
	formatVersion = "1"

	metaVersion = "version"
	metaRows    = "forecast_rows"
	metaBytes   = "forecast_bytes"
	metaSHA256  = "forecast_sha256"
)

// Unit is what one training message delivers.
type Unit struct {
	Name      string   // 8 digits
	Forecasts run.File // path relative to the run's folder
	Digest    run.Digest

	ForecastBytes []byte // Parquet of ForecastRow
	SummaryBytes  []byte // Parquet of SeriesRow, one per series
}

// EncodeUnit encodes the outcome of a unit's series, which come in the order of the
// series index. version is that of the code. The same series and version give the same
// bytes.
func EncodeUnit(name string, series []Series, version string) (Unit, error) {
	u := Unit{Name: name}
	if _, err := run.UnitOrdinal(name); err != nil {
		return Unit{}, err
	}
	rows := 0
	for i := range series {
		s := &series[i]
		if err := s.check(); err != nil {
			return Unit{}, fmt.Errorf("unit %s: %w", name, err)
		}
		if i > 0 && series[i-1].Key.Compare(s.Key) >= 0 {
			return Unit{}, fmt.Errorf("unit %s: %v does not come after %v", name, s.Key, series[i-1].Key)
		}
		rows += len(s.Result.Mean)
	}

	var err error
	if u.ForecastBytes, err = encode(forecastRows(series, rows)); err != nil {
		return Unit{}, fmt.Errorf("unit %s: encode forecasts: %w", name, err)
	}
	sum := sha256.Sum256(u.ForecastBytes)
	u.Forecasts = run.File{Rows: int64(rows), Bytes: int64(len(u.ForecastBytes)), SHA256: hex.EncodeToString(sum[:])}
	u.Forecasts.Path = forecastPath(name, u.Forecasts.SHA256)

	summary := make([]SeriesRow, len(series))
	var line []byte
	for i := range series {
		if line, err = summary[i].set(&series[i], line); err != nil {
			return Unit{}, fmt.Errorf("unit %s: %v: %w", name, series[i].Key, err)
		}
		summary[i].ForecastFile, summary[i].Version = u.Forecasts.Path, version
		u.Digest.Add(summary[i].Digest)
	}
	u.SummaryBytes, err = encode(summary,
		parquet.KeyValueMetadata(metaSeal, sealPrefix+sealBlank),
		parquet.KeyValueMetadata(metaRows, strconv.Itoa(rows)),
		parquet.KeyValueMetadata(metaBytes, strconv.Itoa(len(u.ForecastBytes))),
		parquet.KeyValueMetadata(metaSHA256, u.Forecasts.SHA256))
	if err != nil {
		return Unit{}, fmt.Errorf("unit %s: encode summary: %w", name, err)
	}
	if err := seal(u.SummaryBytes); err != nil {
		return Unit{}, fmt.Errorf("unit %s: seal summary: %w", name, err)
	}
	return u, nil
}

// forecastPath carries the hash of the content, because two versions of the code may
// write the same unit; the summary, put once, says which part counts.
func forecastPath(unit, sha256 string) string {
	return "forecasts/" + unit + "-" + sha256[:12] + ".parquet"
}

func forecastRows(series []Series, n int) []ForecastRow {
	rows := make([]ForecastRow, 0, n)
	for i := range series {
		s := &series[i]
		if s.Result.Status == auto.Rejected {
			continue
		}
		row := ForecastRow{
			Store: string(s.Key.Store), SKU: string(s.Key.SKU),
			Model: s.Result.Model, Status: s.Result.Status,
		}
		for j, date := range s.Dates {
			row.Date = date
			row.Mean = forecast.Round6(s.Result.Mean[j])
			row.setQuantiles(&s.Result.Quantiles[j])
			rows = append(rows, row)
		}
	}
	return rows
}

func (r *SeriesRow) set(s *Series, line []byte) ([]byte, error) {
	var err error
	*r = SeriesRow{
		Store: string(s.Key.Store), SKU: string(s.Key.SKU), Class: s.Result.Class,
		Status: s.Result.Status, Reason: s.Result.Reason, Model: s.Result.Model,
	}
	if r.Weights, err = jsonObject(s.Result.Weights); err != nil {
		return line, fmt.Errorf("encode weights: %w", err)
	}
	if r.Parameters, err = jsonObject(s.Result.Parameters); err != nil {
		return line, fmt.Errorf("encode parameters: %w", err)
	}
	r.setScore(&s.Result.Score)
	r.Digest, line = s.digest(line)
	return line, nil
}

// encode writes one row group with one page per column. Units are small, so what a file
// costs besides its values counts. Snappy, because forecasts hardly compress (zstd gains
// 5 %) and its state-free encoder leaves a worker's memory alone.
func encode[T any](rows []T, options ...parquet.WriterOption) ([]byte, error) {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, append(options,
		parquet.KeyValueMetadata(metaVersion, formatVersion),
		parquet.CreatedBy("skucast", formatVersion, ""),
		parquet.Compression(&parquet.Snappy),
		parquet.DataPageStatistics(false),
		parquet.PageBufferSize(max(512, 32*len(rows))), // the widest value takes 32 bytes; the default is 256 KiB a column
		parquet.WriteBufferSize(0),                     // out is a buffer
	)...)
	if _, err := w.Write(rows); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
