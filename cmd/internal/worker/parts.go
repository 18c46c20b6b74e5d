package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/skucast/skucast/etl/databricks"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/bus"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/publish"
	"github.com/skucast/skucast/shared/training"
)

// Parts are the drivers that the settings ask for.
type Parts struct {
	Ledger      ledger.Ledger
	Jobs        *databricks.Jobs
	Sender      *bus.Sender
	DeadLetters bus.DeadLetters
	publisher   handlers.Publisher
	trainer     *training.Trainer // one for all handlers: it keeps what it has read
}

// Connect opens what the settings name: in Azure by the identity of the process, on a
// laptop the local twins. Service Bus is dialled by its first use. The function that it
// returns closes everything.
func Connect(cfg config.Config) (Parts, func(), error) {
	cred, err := credential(cfg)
	if err != nil {
		return Parts{}, nil, err
	}
	return connect(cfg, cred)
}

// connect uses cred wherever the settings name no key.
func connect(cfg config.Config, cred azcore.TokenCredential) (Parts, func(), error) {
	store, err := openStore(cfg.Storage, cred)
	if err != nil {
		return Parts{}, nil, err
	}
	p := Parts{Ledger: ledger.Ledger{Store: store, Version: config.Version}, trainer: training.New(store)}
	jobs := databricks.Config{Host: cfg.Databricks.Host, JobID: cfg.Databricks.JobID, Token: cfg.Databricks.Token.Reveal()}
	if jobs.Token == "" {
		jobs.Credential = cred
	}
	if p.Jobs, err = databricks.New(jobs); err != nil {
		return Parts{}, nil, err
	}
	if cfg.EventGrid.Endpoint != "" {
		topic := publish.Config{Endpoint: cfg.EventGrid.Endpoint, Key: cfg.EventGrid.Key.Reveal(), CAFile: cfg.EventGrid.CAFile}
		if topic.Key == "" {
			topic.Credential = cred
		}
		if p.publisher, err = publish.New(topic); err != nil {
			return Parts{}, nil, err
		}
	}
	client, err := bus.Dial(bus.Config{ConnectionString: cfg.Bus.ConnectionString.Reveal(), Namespace: cfg.Bus.Namespace, Credential: cred})
	if err != nil {
		return Parts{}, nil, err
	}
	p.Sender, p.DeadLetters = bus.NewSender(client), bus.NewDeadLetters(client)
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Sender.Close(ctx) // the process ends anyway
		_ = client.Close(ctx)
	}, nil
}

// credential is the managed identity, or what a developer is logged in with; nil where no
// setting needs one.
func credential(cfg config.Config) (azcore.TokenCredential, error) {
	if cfg.Storage.AccountURL == "" && cfg.Bus.Namespace == "" && cfg.Databricks.Token != "" && (cfg.EventGrid.Endpoint == "" || cfg.EventGrid.Key != "") {
		return nil, nil
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, fmt.Errorf("managed identity: %w", err)
	}
	return cred, nil
}

// PlanTraining is the handler on these parts.
func (p Parts) PlanTraining(log *slog.Logger) handlers.PlanTraining {
	return handlers.PlanTraining{Ledger: p.Ledger, Sender: p.Sender, Trainer: p.trainer, Log: log}
}

// SubmitETL is the handler on these parts.
func (p Parts) SubmitETL(log *slog.Logger) handlers.SubmitETL {
	return handlers.SubmitETL{Ledger: p.Ledger, Jobs: p.Jobs, Log: log}
}

// Replay is the handler on these parts.
func (p Parts) Replay(log *slog.Logger) handlers.Replay {
	return handlers.Replay{Ledger: p.Ledger, Jobs: p.Jobs, Sender: p.Sender, Plans: p.PlanTraining(log), Log: log}
}

// Refused is the handler of dead letters on these parts.
func (p Parts) Refused(log *slog.Logger) handlers.DeadLetters {
	return handlers.DeadLetters{Ledger: p.Ledger, Sender: p.Sender, Submit: p.SubmitETL(log), Broker: p.DeadLetters}
}
