// Package skucast is the root of an event-driven forecasting pipeline for retail demand:
// a CSV dropped into storage becomes a calibrated forecast for every SKU in every store.
// README.md shows how to run it, docs/architecture.md where things are.
//
// The package itself only carries host.json, the settings of the Functions host, so that
// the local host and the deployed app read the same bytes.
package skucast

import _ "embed"

// HostJSON is host.json.
//
//go:embed host.json
var HostJSON []byte
