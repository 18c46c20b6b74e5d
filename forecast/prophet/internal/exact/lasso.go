package exact

import "math"

// quadratic is the matrix R of ½x'Rx − r'x, by rows.
type quadratic interface {
	// row writes row j.
	row(dst []float64, j int)
}

// denseMatrix is an n×n quadratic in memory.
type denseMatrix struct {
	a []float64
	n int
}

func (m *denseMatrix) row(dst []float64, j int) { copy(dst, m.a[j*m.n:(j+1)*m.n]) }

// Rounding leaves errors of some units in the last place in a matrix that is
// the difference of two: a pivot below this part of the element is nothing else.
const pivotNoise = 1e-14

// lassoSlack is the relative violation under which a coordinate does not enter.
const lassoSlack = 1e-11

// signedSet minimises ½x'Rx − r'x + penalty·‖x‖₁ by an active set with signs
// (Lee, Battle, Raina and Ng, 2007, "Efficient sparse coding algorithms", NIPS
// 19): on the set the minimum is that of a quadratic; the step towards it ends
// where the first coordinate reaches zero, which leaves the set; at the minimum
// the coordinate with the largest violation of |r − Rx| ≤ penalty enters. The
// value falls with every step, so no set comes twice.
//
// Hinges that follow each other are nearly collinear: methods that move one
// coordinate at a time would need thousands of sweeps.
type signedSet struct {
	n      int
	rows   []float64 // n×n, row j once it has been needed
	have   []bool
	noise  []float64 // per coordinate: a pivot below is rounding, not curvature
	l      []float64 // Cholesky factor of R on the set, stride n
	set    []int
	sign   []float64 // per position in the set
	target []float64 // per position
	x, g   []float64 // per coordinate; g = r − Rx after minimise
	barred []bool    // may not enter: rounding alone would drive it
	steps  int
}

func newSignedSet(n int) signedSet {
	return signedSet{
		n: n, rows: make([]float64, n*n), have: make([]bool, n), noise: make([]float64, n), l: make([]float64, n*n),
		set: make([]int, 0, n), sign: make([]float64, 0, n), target: make([]float64, n),
		x: make([]float64, n), g: make([]float64, n), barred: make([]bool, n),
	}
}

// clear empties the set.
func (s *signedSet) clear() {
	s.set, s.sign = s.set[:0], s.sign[:0]
	clear(s.x)
}

// start makes x the point from which minimise sets out.
func (s *signedSet) start(x []float64) {
	s.clear()
	for j, v := range x {
		if v != 0 && finite(v) {
			s.x[j] = v
			s.set, s.sign = append(s.set, j), append(s.sign, math.Copysign(1, v))
		}
	}
}

// renew forgets the matrix, keeps the point and factorises on its set; members
// that are collinear with those before them leave.
func (s *signedSet) renew(q quadratic) {
	clear(s.have)
	clear(s.barred)
	s.factorise(q, 0)
}

// factorise renews the rows of the factor from position i on.
func (s *signedSet) factorise(q quadratic, i int) {
	for i < len(s.set) {
		if s.append(q, i) {
			i++
			continue
		}
		s.remove(i)
	}
}

// append computes row i of the factor.
func (s *signedSet) append(q quadratic, i int) bool {
	j := s.set[i]
	row := s.rows[j*s.n : (j+1)*s.n]
	if !s.have[j] {
		q.row(row, j)
		s.have[j] = true
	}
	l := s.l[i*s.n : i*s.n+i+1]
	for k, other := range s.set[:i+1] {
		l[k] = row[other]
	}
	return choleskyRow(s.l, s.n, i) && l[i]*l[i] > s.noise[j]
}

// remove takes position i out of the set; the factor is not renewed.
func (s *signedSet) remove(i int) {
	s.x[s.set[i]] = 0
	s.set = append(s.set[:i], s.set[i+1:]...)
	s.sign = append(s.sign[:i], s.sign[i+1:]...)
}

// solve solves R·v = v on the set, in place.
func (s *signedSet) solve(v []float64) {
	forward(s.l, s.n, v)
	backward(s.l, s.n, v)
}

// minimise moves x to the minimum. A coordinate enters only if it violates its
// condition by more than slack. It gives up, and says so, after a number of
// steps that no problem with distinguishable columns needs.
func (s *signedSet) minimise(q quadratic, r []float64, penalty, slack float64) bool {
	entered := -1
	for range 20*s.n + 50 {
		s.steps++
		s.aim(r, penalty)
		if dropped := s.advance(q); dropped >= 0 {
			// An entry driven by rounding alone goes back where it came from.
			if dropped == entered {
				s.barred[dropped] = true
			}
			continue
		}
		copy(s.g, r)
		for _, j := range s.set {
			axpy(s.g, -s.x[j], s.rows[j*s.n:(j+1)*s.n])
		}
		entered = s.worst(penalty + slack)
		if entered < 0 {
			return true
		}
		s.enter(q, entered, s.g[entered])
	}
	return false
}

// aim computes the minimum on the set with the present signs.
func (s *signedSet) aim(r []float64, penalty float64) {
	t := s.target[:len(s.set)]
	for i, j := range s.set {
		t[i] = r[j] - penalty*s.sign[i]
	}
	s.solve(t)
}

// advance goes towards the target. If a coordinate reaches zero first, it
// leaves the set and advance returns its index, otherwise −1.
func (s *signedSet) advance(q quadratic) int {
	at, part := -1, 1.0
	for i, j := range s.set {
		if s.target[i]*s.sign[i] > 0 {
			continue
		}
		move := s.x[j] - s.target[i]
		if f := s.x[j] / move; move == 0 || f < part || at < 0 {
			if move == 0 {
				f = 0
			}
			at, part = i, f
		}
	}
	if at < 0 {
		for i, j := range s.set {
			s.x[j] = s.target[i]
		}
		return -1
	}
	for i, j := range s.set {
		s.x[j] += part * (s.target[i] - s.x[j])
	}
	dropped := s.set[at]
	s.remove(at)
	s.factorise(q, at)
	return dropped
}

// worst is the coordinate outside the set with the largest |g| above bound, or
// −1.
func (s *signedSet) worst(bound float64) int {
	at := -1
	for j, g := range s.g {
		if v := math.Abs(g); v > bound && s.x[j] == 0 && !s.barred[j] {
			at, bound = j, v
		}
	}
	return at
}

// enter adds coordinate j, which is to move in the direction of g. Where it is
// collinear with the set, nothing but the penalty changes along the direction
// in which the set makes up for it: x goes that way until a member of the set is
// zero, which leaves in exchange.
func (s *signedSet) enter(q quadratic, j int, g float64) (exchanged bool) {
	sign := math.Copysign(1, g)
	n := len(s.set)
	s.set, s.sign = append(s.set, j), append(s.sign, sign)
	if s.append(q, n) {
		return false
	}
	s.remove(n)
	d := s.target[:n]
	for i, other := range s.set {
		d[i] = -sign * s.rows[j*s.n+other]
	}
	s.solve(d)
	at, step := -1, math.Inf(1)
	for i, other := range s.set {
		if d[i]*s.sign[i] < -1e-7 && -s.x[other]/d[i] < step { // less is rounding
			at, step = i, -s.x[other]/d[i]
		}
	}
	if at < 0 {
		s.barred[j] = true
		return false
	}
	for i, other := range s.set {
		s.x[other] += step * d[i]
	}
	s.x[j] = step * sign
	s.remove(at)
	s.set, s.sign = append(s.set, j), append(s.sign, sign)
	s.factorise(q, at)
	return true
}
