// Package worker is the function app: it wires drivers to handlers and handlers to the
// triggers of the Functions host. In Azure it is bin/functionapp; on a laptop the CLI runs
// it as a child process.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/etl/databricks"
	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/internal/azfunc"
	"github.com/skucast/skucast/shared/bus"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/publish"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
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

// parts are the drivers that the settings ask for.
type parts struct {
	ledger    ledger.Ledger
	jobs      *databricks.Jobs
	sender    *bus.Sender
	publisher handlers.Publisher
}

func build(cfg config.Config, log *slog.Logger) (*azfunc.App, func(), error) {
	var cred azcore.TokenCredential
	if cfg.Databricks.Token == "" || cfg.Storage.AccountURL != "" {
		managed, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, nil, fmt.Errorf("managed identity: %w", err)
		}
		cred = managed
	}
	p, closeParts, err := connect(cfg, cred)
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

func connect(cfg config.Config, cred azcore.TokenCredential) (parts, func(), error) {
	store, err := openStore(cfg.Storage, cred)
	if err != nil {
		return parts{}, nil, err
	}
	p := parts{ledger: ledger.Ledger{Store: store, Version: config.Version}}
	jobs := databricks.Config{Host: cfg.Databricks.Host, JobID: cfg.Databricks.JobID, Token: cfg.Databricks.Token.Reveal()}
	if jobs.Token == "" {
		jobs.Credential = cred
	}
	if p.jobs, err = databricks.New(jobs); err != nil {
		return parts{}, nil, err
	}
	if cfg.EventGrid.Endpoint != "" {
		topic := publish.Config{Endpoint: cfg.EventGrid.Endpoint, Key: cfg.EventGrid.Key.Reveal(), CAFile: cfg.EventGrid.CAFile}
		if topic.Key == "" {
			topic.Credential = cred
		}
		if p.publisher, err = publish.New(topic); err != nil {
			return parts{}, nil, err
		}
	}
	client, err := bus.Dial(bus.Config{ConnectionString: cfg.Bus.ConnectionString.Reveal(), Namespace: cfg.Bus.Namespace})
	if err != nil {
		return parts{}, nil, err
	}
	p.sender = bus.NewSender(client)
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.sender.Close(ctx) // the process ends anyway
		_ = client.Close(ctx)
	}, nil
}

// register gives every trigger its handler.
func register(cfg config.Config, p parts, log *slog.Logger) *azfunc.App {
	trainer := training.New(p.ledger.Store)
	plans := handlers.PlanTraining{Ledger: p.ledger, Sender: p.sender, Trainer: trainer, Log: log}
	submit := handlers.SubmitETL{Ledger: p.ledger, Jobs: p.jobs, Log: log}
	train := handlers.TrainSKU{Ledger: p.ledger, Sender: p.sender, Trainer: trainer, Log: log}
	finish := handlers.FinishRun{Ledger: p.ledger, Sender: p.sender, Log: log}
	published := handlers.PublishRun{Ledger: p.ledger, Publisher: p.publisher, Trainer: trainer, Now: time.Now, Log: log}
	reconcile := handlers.Reconcile{
		Ledger: p.ledger, Jobs: p.jobs, Sender: p.sender, Plans: plans, WayOut: run.WayOut(etl.WayOut),
		ResendAfter: cfg.Reconcile.ResendAfter, BrokerSince: cfg.Reconcile.BrokerSince, DropRest: dropRest, DropWindow: dropWindow,
		Now: time.Now, Log: log,
	}
	app := azfunc.New(log)
	app.OnPermanent = func(ctx context.Context, function string, d azfunc.Delivery, why error) error {
		return p.ledger.Refuse(ctx, function, d.ID, d.Body, why)
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
	app.HTTP("api", web.API(handlers.API{Ledger: p.ledger}, config.Version, log))
	return app
}
