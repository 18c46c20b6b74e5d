// Package worker is the function app: it wires drivers to handlers and handlers to the
// triggers of the Functions host. In Azure it is bin/functionapp; on a laptop the CLI runs
// it as a child process.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/internal/azfunc"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web"
)

// A drop that reconcile claims by itself is at rest for dropRest, so that a file which is
// still being copied into a local folder is left alone, and no older than dropWindow,
// besides each feed's newest.
const (
	dropRest   = 3 * time.Second
	dropWindow = 7 * 24 * time.Hour
)

// Run starts the function app and serves the host until ctx ends. Everything that can be
// wrong with the settings is found before the host is answered.
func Run(ctx context.Context, getenv func(string) string, log *slog.Logger) error {
	cfg, err := config.Load(getenv)
	if err != nil {
		return fmt.Errorf("settings:\n%w", err)
	}
	app, closeApp, err := build(cfg, log)
	if err != nil {
		return err
	}
	defer closeApp()
	ln, err := azfunc.Listen(cfg.Port)
	if err != nil {
		return err
	}
	return app.Serve(ctx, ln)
}

func build(cfg config.Config, log *slog.Logger) (*azfunc.App, func(), error) {
	p, closeParts, err := Connect(cfg)
	if err != nil {
		return nil, nil, err
	}
	app := register(cfg, p, log)
	all, err := functions.All()
	if err == nil {
		err = app.Check(all)
	}
	if err != nil {
		closeParts()
		return nil, nil, err
	}
	return app, closeParts, nil
}

// register gives every trigger its handler.
func register(cfg config.Config, p Parts, log *slog.Logger) *azfunc.App {
	plans, submit := p.PlanTraining(log), p.SubmitETL(log)
	train := handlers.TrainSKU{Ledger: p.Ledger, Sender: p.Sender, Trainer: p.trainer, Log: log}
	finish := handlers.FinishRun{Ledger: p.Ledger, Sender: p.Sender, Log: log}
	published := handlers.PublishRun{Ledger: p.Ledger, Publisher: p.publisher, Trainer: p.trainer, Now: time.Now, Log: log}
	reconcile := handlers.Reconcile{
		Ledger: p.Ledger, Jobs: p.Jobs, Sender: p.Sender, Plans: plans, WayOut: run.WayOut(etl.WayOut),
		ResendAfter: cfg.Reconcile.ResendAfter, BrokerSince: cfg.Reconcile.BrokerSince, DropRest: dropRest, DropWindow: dropWindow,
		Now: time.Now, Log: log,
	}
	app := azfunc.New(log)
	app.OnPermanent = func(ctx context.Context, function string, d azfunc.Delivery, why error) error {
		return p.Ledger.Refuse(ctx, function, d.ID, d.Body, why)
	}
	queue := func(handle func(context.Context, []byte) error) func(context.Context, azfunc.Delivery) error {
		return func(ctx context.Context, d azfunc.Delivery) error { return handle(ctx, d.Body) }
	}
	app.EventGrid("submit-etl", submit.Handle)
	app.Queue(event.QueuePlanTraining, queue(plans.Handle))
	app.Queue(event.QueueTrainSKU, queue(train.Handle))
	app.Queue(event.QueuePublishRun, queue(published.Handle))
	app.Batch(event.QueueFinishRun, func(ctx context.Context, batch []azfunc.Delivery) error {
		bodies := make([][]byte, len(batch))
		for i, d := range batch {
			bodies[i] = d.Body
		}
		return finish.Handle(ctx, bodies)
	})
	app.Timer("reconcile", func(ctx context.Context, _ azfunc.Timer) error { return reconcile.Handle(ctx) })
	app.HTTP("api", web.API(handlers.API{Ledger: p.Ledger}, config.Version, log))
	return app
}
