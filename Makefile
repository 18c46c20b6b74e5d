# Needs Go and a C compiler; everything else is installed, pinned, into .cache/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE   := $(CURDIR)/.cache
LINT    := $(CACHE)/bin/golangci-lint
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/skucast/skucast/shared/config.Version=$(VERSION)
export GOFLAGS := -buildvcs=false

.PHONY: help build app wheel spark demo test check peers bench bench-forecast bench-etl bench-accuracy fuzz clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## bin/skucast (the CLI and local stack), bin/functionapp (what Azure runs), bin/servicebus
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/skucast ./cmd/skucast
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/functionapp ./cmd/functionapp
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/servicebus ./cmd/servicebus

app: ## dist/: what is zipped and deployed to Azure Functions
	@mkdir -p bin
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/functionapp-linux-amd64 ./cmd/functionapp
	go run ./tools/stageapp -out dist -binary bin/functionapp-linux-amd64

wheel: ## bin/skucast_etl-*.whl: the Spark job that Databricks runs (needs Python)
	tools/spark/wheel.sh

spark: ## PySpark and the Spark job on this machine; prints what --spark takes
	@tools/spark/job.sh

demo: build ## generate two years of sales and run the whole pipeline on this machine
	bin/skucast demo

test: build app ## unit, conformance and end-to-end tests
	go test -shuffle=on ./...

check: $(LINT) ## formatting, vet, lint, a few seconds of every fuzz target
	$(LINT) fmt --diff
	go vet ./...
	$(LINT) run
	$(MAKE) fuzz FUZZTIME=3s

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME (30s)
	tools/fuzz.sh $(FUZZTIME)

peers: build ## tests against and by software that is not ours, installed here (needs Node and Python): Azurite, Prophet, Spark, Service Bus clients
	tools/servicebuspeers/azservicebus/run bin/servicebus
	tools/servicebuspeers/goamqp/run bin/servicebus
	tools/servicebuspeers/js/run bin/servicebus
	azurite=$$(tools/azurite/install.sh) && SKUCAST_AZURITE=$$azurite go test -count=1 ./shared/blobstore/azblob ./internal/emulator/azurite ./internal/emulator/blobevents
	azurite=$$(tools/azurite/install.sh) && SKUCAST_AZURITE=$$azurite go test -count=1 -timeout 10m \
		-run 'Azurite|Proxy|Upload|DigestSurvivesFaults|StackKilled|SideBySide|DeadLetters|Replay|DeletedSource|ForeignMessages/[aA]zurite' ./internal/e2e
	prophet=$$(tools/forecastpeers/install.sh) && SKUCAST_PEERS_PYTHON=$$prophet go test -count=1 -timeout 10m -run 'Python|NeverBelow' ./forecast/prophet
	spark=$$(tools/spark/install.sh) && SKUCAST_SPARK_PYTHON=$$spark go test -count=1 -timeout 30m -run 'TestSpark(Parity|Plans)' ./etl/duckdb
	job=$$(tools/spark/job.sh) && azurite=$$(tools/azurite/install.sh) && SKUCAST_SPARK_JOB=$$job SKUCAST_AZURITE=$$azurite \
		go test -count=1 -timeout 10m -run TestSpark ./internal/e2e

bench: build ## the budgets of docs/performance.md, measured on this machine
	bench/run

bench-forecast: ## docs/performance.md: the forecasting library beside Python's, minutes
	bench/forecast/run -into docs/performance.md

bench-etl: build ## docs/performance.md: the ETL beside PySpark, on 10 and 60 million rows (ten minutes)
	bench/etl/run -into docs/performance.md

bench-accuracy: ## docs/accuracy.md: ours beside the Python libraries on real sales (an hour the first time)
	bench/accuracy/run -into docs/accuracy.md

clean: ## remove what was built and installed
	rm -rf bin dist .cache

$(LINT): tools/lint/go.mod tools/lint/go.sum
	@mkdir -p $(CACHE)/bin
	cd tools/lint && go build -o $(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
