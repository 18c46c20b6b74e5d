// Command forecast times the numerical library beside the Python libraries that people
// would otherwise use, on the same seeded series, one core each.
//
//	forecast -export DIR                        write the series for the peers
//	forecast -peers FILE [-note TEXT] [-into FILE]
//
// FILE is what tools/forecastpeers/speed.py printed: seconds per series by model.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skucast/skucast/bench/internal/marked"
)

func main() {
	export := flag.String("export", "", "write the series for the peers to this `folder`, and measure nothing")
	peers := flag.String("peers", "", "JSON `file` of the peers' seconds per series")
	note := flag.String("note", "", "text to print first: machine and versions")
	into := flag.String("into", "", "put the table between the marks of this Markdown `file` too")
	flag.Parse()
	if err := run(*export, *peers, *note, *into); err != nil {
		fmt.Fprintln(os.Stderr, "forecast:", err)
		os.Exit(1)
	}
}

func run(export, peers, note, into string) error {
	if export != "" {
		return writeSeries(export)
	}
	seconds := map[string]float64{}
	b, err := os.ReadFile(peers)
	if err != nil {
		return fmt.Errorf("what the peers took: %w", err)
	}
	if err := json.Unmarshal(b, &seconds); err != nil {
		return fmt.Errorf("%s: %w", peers, err)
	}
	rows, err := measure()
	if err != nil {
		return err
	}
	text := note + "\n\n" + table(rows, seconds)
	fmt.Print(text)
	if into != "" {
		return marked.Insert(into, "bench/forecast/run", text)
	}
	return nil
}

// The series: three years of days for ETS and Theta, the length of the M5 data for Prophet.
const (
	threeYears = 1096
	m5Days     = 1913
	nSeries    = 40
)

// daily is a series of sales: trend with changes, week, year, counts.
func daily(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 11))
	level, rate := 20+30*rng.Float64(), 0.0
	y := make([]float64, n)
	for i := range y {
		if rng.IntN(200) == 0 {
			rate = 0.02 * rng.NormFloat64()
		}
		level = math.Max(5, level+rate)
		week := 1 + 0.3*math.Sin(2*math.Pi*float64(i%7)/7+float64(seed))
		year := 1 + 0.2*math.Sin(2*math.Pi*float64(i)/365.25)
		mean := level * week * year
		y[i] = math.Max(0, math.Round(mean+math.Sqrt(2*mean)*rng.NormFloat64()))
	}
	return y
}

func series(n int) [][]float64 {
	all := make([][]float64, nSeries)
	for k := range all {
		all[k] = daily(n, uint64(k))
	}
	return all
}

var firstDay = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func days(n int) []time.Time {
	d := make([]time.Time, n)
	for i := range d {
		d[i] = firstDay.AddDate(0, 0, i)
	}
	return d
}

// writeSeries writes one file per length: a line per series, values separated by commas.
func writeSeries(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, n := range []int{threeYears, m5Days} {
		var b strings.Builder
		for _, y := range series(n) {
			for i, v := range y {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, "%g", v)
			}
			b.WriteByte('\n')
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.csv", n)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
