package ets

import (
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
)

// wave is a series with trend, season and noise; every gap-th value missing.
func wave(n, gap int) []float64 {
	y := make([]float64, n)
	for t := range y {
		y[t] = 40 + 0.1*float64(t) + float64(t*t%7) + float64(t*7919%23)/4
		if gap > 0 && t%gap == 2 {
			y[t] = math.NaN()
		}
	}
	return y
}

// The gradient is that of the concentrated sum of squares, in the coordinates
// of either region, with and without gaps.
func TestGradient(t *testing.T) {
	const step = 1e-6
	for _, gap := range []int{0, 5} {
		for _, region := range []Region{Usual, Wide} {
			for f := range Form(nForms) {
				ws := &Workspace{region: region}
				if err := ws.load(forecast.Series{Y: wave(120, gap), Season: 7}, 0); err != nil {
					t.Fatal(err)
				}
				ws.use(f)
				at := noTheta()
				for i, v := range (theta{0.3, 0.2, 0.15, 0.9}) {
					if ws.free[i] = f.has(i); f.has(i) {
						at[i] = v
					}
				}
				pt := point{u: at}
				ws.evaluate(&pt)
				if sse := ws.initialStates(ws.natural(at)); math.Abs(sse-pt.sse) > 1e-9*pt.sse {
					t.Errorf("gap %d, %v: sum of squares %v by projection, %v by the filter", gap, f, sse, pt.sse)
				}
				for i, free := range ws.free {
					if !free {
						continue
					}
					up, down := at, at
					up[i] += step
					down[i] -= step
					slope := (ws.initialStates(ws.natural(up)) - ws.initialStates(ws.natural(down))) / (4 * step)
					if math.Abs(slope-pt.g[i]) > 1e-4*(math.Abs(slope)+1e-3) {
						t.Errorf("gap %d, region %d, %v, parameter %d: gradient %v, difference quotient %v", gap, region, f, i, pt.g[i], slope)
					}
				}
			}
		}
	}
}

// With gaps the columns of the season are computed one by one; without, as
// shifts of the first. Marking no period as missing must not matter.
func TestColumnsAreShifts(t *testing.T) {
	ws := &Workspace{}
	if err := ws.load(forecast.Series{Y: wave(150, 0), Season: 12}, 0); err != nil {
		t.Fatal(err)
	}
	p := theta{0.2, 0.05, 0.3, 0.9}
	ws.use(AAdA)
	shifts := ws.initialStates(p)
	x := append([]float64(nil), ws.x...)
	ws.complete = false
	ws.use(AAdA)
	single := ws.initialStates(p)
	if math.Abs(single-shifts) > 1e-9*shifts {
		t.Errorf("sum of squares %v by shifts, %v by columns", shifts, single)
	}
	for i, v := range ws.x {
		if math.Abs(v-x[i]) > 1e-8 {
			t.Errorf("state %d: %v by shifts, %v by columns", i, x[i], v)
		}
	}
}

// The Schur–Cohn test against the recursion itself: outside the region the
// response to a perturbed start grows, inside it dies out.
func TestForecastable(t *testing.T) {
	count := [2]int{}
	for _, m := range []int{2, 3, 4, 7, 12} {
		for k := range 400 {
			frac := func(q int) float64 { return math.Mod(float64(k*q)*0.6180339887, 1) }
			p := theta{0.01 + 0.98*frac(1), 0.01 + 0.98*frac(2), 0.01 + 0.98*frac(5), 0.8 + 0.2*frac(11)}
			s := State{Form: AAdA, Alpha: p[iAlpha], Beta: p[iBeta], Gamma: p[iGamma], Phi: p[iPhi]}
			f := &Fitted{form: s.Form, p: p, level: 1, slope: 1, season: make([]float64, m)}
			f.season[0] = 1
			// y = 0 throughout: what the filter predicts is the response.
			size := func(n int) (sum float64) {
				for range n {
					var next [1]float64
					f.PredictTo(next[:])
					sum += math.Abs(next[0])
					f.step(0, true)
				}
				return sum
			}
			first := size(200 * m)
			last := size(200 * m)
			want := last < first
			if ratio := last / first; ratio > 0.5 && ratio < 2 {
				continue // too close to the edge for this many periods
			}
			if forecastable(p, m) != want {
				t.Errorf("m = %d, %+v: forecastable is %v, the response goes from %g to %g", m, p, !want, first, last)
			}
			if want {
				count[0]++
			} else {
				count[1]++
			}
		}
	}
	if count[0] < 100 || count[1] < 100 {
		t.Errorf("%d inside and %d outside: the test is one-sided", count[0], count[1])
	}
}
