package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/web/report"
)

// historyPeriods is how much of the past a forecast fan shows: eight weeks of days, a
// year and a half of weeks, four years of months.
func historyPeriods(f retail.Frequency) int {
	switch f {
	case retail.Weekly:
		return 78
	case retail.Monthly:
		return 48
	default:
		return 56
	}
}

// report writes report.html from the run's records and the series it draws.
func (h PublishRun) report(ctx context.Context, w io.Writer, rec run.Record, m run.Manifest, c run.Complete, sum *products.Summary) error {
	quality, err := h.quality(ctx, rec.ETLID)
	if err != nil {
		return err
	}
	fans, err := h.fans(ctx, rec, &m, sum)
	if err != nil {
		return err
	}
	return report.Render(w, report.Data{
		Run: c, ETLID: rec.ETLID, Reason: rec.Reason, Grid: m.Grid(), Summary: sum, Quality: quality, Fans: fans,
	})
}

// quality lists what each rule of the ETL did, in the order of the rules' table.
func (h PublishRun) quality(ctx context.Context, etlID string) ([]report.Rule, error) {
	var counts struct {
		Rules map[string]int64 `json:"rules"`
	}
	_, err := blobstore.GetJSON(ctx, h.Ledger.Store, run.ETLDir(etlID)+"quality.json", &counts)
	if err != nil && !errors.Is(err, blobstore.ErrNotFound) {
		return nil, err
	}
	var rules []report.Rule
	for _, r := range etl.Rules() {
		if n := counts.Rules[r.Name]; n > 0 {
			rules = append(rules, report.Rule{Name: r.Name, Effect: string(r.Effect), Meaning: r.Meaning, Count: n})
		}
	}
	return rules, nil
}

// fans reads past and future of the few series that the report draws.
func (h PublishRun) fans(ctx context.Context, rec run.Record, m *run.Manifest, sum *products.Summary) ([]report.Fan, error) {
	wanted := map[retail.SeriesKey]int{}
	fans := make([]report.Fan, len(sum.Sample))
	for i, s := range sum.Sample {
		fans[i].Series = s
		wanted[s.Row.Key()] = i
		rows, err := s.Forecast(ctx, h.Ledger.Store, rec.RunID)
		if err != nil {
			return nil, err
		}
		fans[i].Forecast = rows
	}
	for row, err := range sales.Index(ctx, h.Ledger.Store, m) {
		if err != nil {
			return nil, err
		}
		i, ok := wanted[row.Key]
		if !ok {
			continue
		}
		past, err := h.Trainer.History(ctx, m, rec.Options, row, historyPeriods(m.Frequency))
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		for j, d := range past.Dates {
			fans[i].History = append(fans[i].History, report.Point{Date: d, Value: past.Values[j]})
		}
		delete(wanted, row.Key)
		if len(wanted) == 0 {
			break
		}
	}
	return fans, nil
}
