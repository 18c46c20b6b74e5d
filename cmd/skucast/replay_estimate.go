package main

import (
	"context"
	"fmt"
	"time"

	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// Azure list prices in US dollars, pay as you go, East US, without free grants; see
// https://azure.microsoft.com/pricing/details/functions/ (Flex Consumption) and
// …/service-bus/ (Standard), looked up in 2026. They are for an estimate: a subscription
// has its own.
const (
	pricePerGBSecond          = 0.000026
	pricePerMillionExecutions = 0.40
	pricePerMillionOperations = 0.80

	instanceGB           = 2    // memory of a worker as it is billed
	secondsPerSeries     = 0.02 // the budget of docs/performance.md, above what was measured
	secondsPerMessage    = 0.1  // reading, writing, waiting for storage
	operationsPerMessage = 3    // sent, received, settled
)

// replayEstimate is what a replay would take.
type replayEstimate struct {
	RunID    string         `json:"run_id"`
	ReadETL  bool           `json:"read_etl"`
	Units    int            `json:"units"` // 0: not known yet
	Train    int            `json:"train"`
	Keep     int            `json:"keep"`
	Messages map[string]int `json:"messages"`
	Seconds  *float64       `json:"seconds"`  // like the base took; null: that is not known
	CostUSD  *float64       `json:"cost_usd"` // in Azure, without the ETL job; null: not known
}

func estimate(ctx context.Context, l ledger.Ledger, w handlers.Work) (replayEstimate, error) {
	e := replayEstimate{
		RunID: w.Base.RunID, ReadETL: w.ReadETL, Units: w.Units, Train: len(w.Train), Keep: len(w.Keep), Messages: w.Messages(),
	}
	complete, err := l.Completed(ctx, w.Base.RunID)
	if err != nil || complete == nil {
		return e, err
	}
	series, share := float64(complete.Series.Total), 1.0
	if w.Units > 0 {
		share = float64(len(w.Train)) / float64(w.Units)
	}
	t := complete.Timings
	seconds := t.Train*share + t.Publish
	if w.Keep == nil {
		seconds += t.Plan
	}
	if w.ReadETL {
		seconds += t.ETL
	}
	if t != (run.Timings{}) { // a duplicate has none of its own
		e.Seconds = &seconds
	}
	cost := estimateCost(e.Messages, series*share)
	e.CostUSD = &cost
	return e, nil
}

// estimateCost is the price of the functions' work and of Service Bus.
func estimateCost(messages map[string]int, series float64) float64 {
	n := 0.0
	for _, m := range messages {
		n += float64(m)
	}
	gbSeconds := instanceGB * (secondsPerSeries*series + secondsPerMessage*n)
	return gbSeconds*pricePerGBSecond + n/1e6*(pricePerMillionExecutions+operationsPerMessage*pricePerMillionOperations)
}

func (e replayEstimate) timeWords() string {
	if e.Seconds == nil {
		return "not known: the run has not recorded how long it took"
	}
	d := time.Duration(*e.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	if d > time.Minute {
		d = d.Round(time.Second)
	}
	return fmt.Sprintf("about %s on as many workers as the run had", d)
}

func (e replayEstimate) costWords() string {
	switch {
	case e.CostUSD == nil:
		return "not known: the run has not recorded how many series it has"
	case e.ReadETL:
		return fmt.Sprintf("about $%.4f of Functions and Service Bus in Azure, and the price of the ETL job; nothing on this machine", *e.CostUSD)
	default:
		return fmt.Sprintf("about $%.4f of Functions and Service Bus in Azure; nothing on this machine", *e.CostUSD)
	}
}

// offline is a pipeline that can be looked at only.
func offline(l ledger.Ledger) worker.Parts { return worker.Parts{Ledger: l} }
