package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
)

// global is the one peer that learns from all series of a set; the others are local.
const global = "lightgbm"

// peerMeta is <peer>.json, written by tools/forecastpeers/forecast.py.
type peerMeta struct {
	Input    string            `json:"input_sha256"`
	Versions map[string]string `json:"versions"`
	Series   int               `json:"series"`
	Failed   int               `json:"failed"`
	Seconds  float64           `json:"cpu_seconds"`
}

// scorePeers reads the forecasts that are in dir and scores them, and the mean of every
// two of them. Forecasts made from other histories than these are refused.
func (r *report) scorePeers(dir string, o *origin, chosen []sales.Series, actual []judged) error {
	sum := sha256.New()
	if err := o.exportTo(sum, chosen); err != nil {
		return err
	}
	want := hex.EncodeToString(sum.Sum(nil))
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	peers := map[string]map[key]prediction{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		meta, err := readMeta(file)
		if err != nil {
			return err
		}
		if meta.Input != want {
			return fmt.Errorf("%s was made from other series; make bench-accuracy makes it again", file)
		}
		f, err := readPeer(strings.TrimSuffix(file, ".json")+".csv", o.horizon)
		if err != nil {
			return err
		}
		if err := r.score(name, actual, f, cost{meta.Seconds, meta.Series}); err != nil {
			return err
		}
		t := r.tallies[name]
		t.failed += meta.Failed
		t.version = versionText(meta.Versions)
		peers[name] = f
	}
	if len(peers) == 0 {
		return fmt.Errorf("no forecasts of peers in %s; make bench-accuracy makes them", dir)
	}
	names := slices.Sorted(maps.Keys(peers))
	for i, a := range names {
		for _, b := range names[:i] {
			mixed := make(map[key]prediction, len(actual))
			for _, j := range actual {
				mixed[j.key] = mean(peers[a][j.key], peers[b][j.key])
			}
			if err := scoreInto(r.pairs, b+" and "+a, actual, mixed, cost{}); err != nil {
				return err
			}
		}
	}
	return nil
}

func mean(a, b prediction) prediction {
	out := prediction{mean: make([]float64, len(a.mean)), quantiles: make([][forecast.NQuantiles]float64, len(a.mean))}
	for i := range out.mean {
		out.mean[i] = (a.mean[i] + b.mean[i]) / 2
		for k := range out.quantiles[i] {
			out.quantiles[i][k] = (a.quantiles[i][k] + b.quantiles[i][k]) / 2
		}
	}
	return out
}

func readMeta(file string) (m peerMeta, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

func versionText(v map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		parts = append(parts, name+" "+v[name])
	}
	return strings.Join(parts, ", ")
}

// peerColumns precede the quantiles: SKU, store, step and mean.
const peerColumns = 4

// readPeer reads the forecasts of one peer from one origin: lines of a series follow each
// other, steps ascend from 1 to the horizon.
func readPeer(file string, horizon int) (map[key]prediction, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	in := csv.NewReader(f)
	in.ReuseRecord = true
	if _, err := in.Read(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := map[key]prediction{}
	for {
		v, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && len(v) != peerColumns+forecast.NQuantiles {
			err = fmt.Errorf("%d columns", len(v))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		k := key{SKU: retail.SKU(strings.Clone(v[0])), Store: retail.Store(strings.Clone(v[1]))}
		p := out[k]
		if strconv.Itoa(len(p.mean)+1) != v[2] {
			return nil, fmt.Errorf("%s: %v: step %.20q after %d", file, k, v[2], len(p.mean))
		}
		var x [1 + forecast.NQuantiles]float64
		for i, text := range v[peerColumns-1:] {
			if x[i], err = strconv.ParseFloat(text, 64); err != nil || math.IsInf(x[i], 0) {
				return nil, fmt.Errorf("%s: %v: %.40q is not a number", file, k, text)
			}
		}
		p.mean = append(p.mean, x[0])
		p.quantiles = append(p.quantiles, [forecast.NQuantiles]float64(x[1:]))
		out[k] = p
	}
	for k, p := range out {
		if len(p.mean) != horizon {
			return nil, fmt.Errorf("%s: %v has %d steps, not %d", file, k, len(p.mean), horizon)
		}
	}
	return out, nil
}
