package stan

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Stan's constants of the line search.
const (
	decrease    = 1e-4  // first Wolfe condition
	curvature   = 0.9   // second
	minStep     = 1e-12 // lower end of the first bracket and of the first guess
	minBracket  = 1e-16
	maxWidening = 20
	maxHalvings = 10 // after an evaluation that is not finite
)

// wolfe is Stan's search for a step that satisfies the strong Wolfe conditions
// (Nocedal and Wright, 2006, algorithms 3.5 and 3.6): the step grows tenfold
// until a minimum is bracketed, then the bracket is narrowed by cubic
// interpolation with a bisection at every fifth try.
type wolfe struct {
	o     *objective
	from  *point
	dir   []float64
	slope float64 // at step 0
}

// end is one end of a bracket: a step and the value and slope there.
type end struct{ step, f, slope float64 }

// run searches along dir, starting with step. On success it returns the step
// and leaves the new point in to.
func (w *wolfe) run(from, to *point, dir []float64, step float64) (float64, bool) {
	w.from, w.dir, w.slope = from, dir, floats.Dot(from.grad, dir)
	low := end{step: minStep, f: from.f, slope: w.slope}
	high := end{step: step}
	for widened, halved := 0, 0; widened < maxWidening; {
		ok := w.eval(to, &high)
		if !ok {
			if halved >= maxHalvings {
				return 0, false
			}
			high.step = 0.5 * (low.step + high.step)
			halved++
			continue
		}
		halved = 0
		switch {
		// Stan measures the decrease for the first step tried, not for this one.
		case high.f > from.f+step*decrease*w.slope, high.f >= low.f && widened > 0:
			return w.zoom(to, low, high)
		case math.Abs(high.slope) <= -curvature*w.slope:
			return high.step, true
		case high.slope >= 0:
			return w.zoom(to, high, low)
		}
		low = high
		high.step *= 10
		widened++
	}
	return 0, false
}

// eval fills to and e for the step of e.
func (w *wolfe) eval(to *point, e *end) bool {
	floats.AddScaledTo(to.x, w.from.x, e.step, w.dir)
	f, ok := w.o.eval(to.x, to.grad)
	if !ok {
		return false
	}
	to.f, e.f = f, f
	e.slope = floats.Dot(to.grad, w.dir)
	return true
}

// zoom narrows the bracket; low is the end with the smaller value.
func (w *wolfe) zoom(to *point, low, high end) (float64, bool) {
	for try := 1; ; try++ {
		width := math.Abs(low.step - high.step)
		// Without a double between the ends nothing is left to try.
		if width < minBracket || math.Nextafter(low.step, high.step) == high.step {
			return 0, false
		}
		least := math.Min(low.step, high.step)
		mid := end{step: 0.5 * (low.step + high.step)}
		if try%5 != 0 {
			c := cubicStep(low, high)
			if finite(c) && c >= least+0.01*width && c <= math.Max(low.step, high.step)-0.01*width {
				mid.step = c
			}
		}
		for !w.eval(to, &mid) {
			before := mid.step
			mid.step = 0.5 * (mid.step + least)
			if math.Abs(least-mid.step) < minBracket || mid.step == before {
				return 0, false
			}
		}
		if mid.f > w.from.f+mid.step*decrease*w.slope || mid.f >= low.f {
			high = mid
			continue
		}
		if math.Abs(mid.slope) <= -curvature*w.slope {
			return mid.step, true
		}
		if mid.slope*(high.step-low.step) >= 0 {
			high = low
		}
		low = mid
	}
}

// cubicStep is the minimum of the cubic through both ends (Nocedal and Wright,
// equation 3.59).
func cubicStep(low, high end) float64 {
	d1 := low.slope + high.slope - 3*(low.f-high.f)/(low.step-high.step)
	d2 := math.Sqrt(d1*d1 - low.slope*high.slope)
	if high.step < low.step {
		d2 = -d2
	}
	return high.step - (high.step-low.step)*(high.slope+d2-d1)/(high.slope-low.slope+2*d2)
}

// cubicMinimum is where, in [lo, hi], the cubic with value 0 and slope slope0 at
// 0, and value f and slope slope at x, is smallest.
func cubicMinimum(slope0, x, f, slope, lo, hi float64) float64 {
	c3 := (-12*f + 6*x*(slope0+slope)) / (x * x * x)
	c2 := -(4*slope0+2*slope)/x + 6*f/(x*x)
	value := func(s float64) float64 { return s * (s*(s*c3/3+c2)/2 + slope0) }
	root := math.Sqrt(c2*c2 - 2*slope0*c3)
	best := lo
	least := value(lo)
	if v := value(hi); v < least {
		least, best = v, hi
	}
	for _, s := range [2]float64{-(c2 + root) / c3, -(c2 - root) / c3} {
		if lo < s && s < hi {
			if v := value(s); v < least {
				least, best = v, s
			}
		}
	}
	return best
}
