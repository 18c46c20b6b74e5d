package exact

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestEigenSymmetric(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 3, 5, 28, 53} {
		for _, rank := range []int{n, (n + 1) / 2, 1, 0} {
			a := make([]float64, n*n)
			for range rank {
				v := make([]float64, n)
				scale := math.Exp(4 * rng.NormFloat64())
				for i := range v {
					v[i] = rng.NormFloat64() * scale
				}
				for i := range n {
					axpy(a[i*n:i*n+n], v[i], v)
				}
			}
			var size float64
			for _, v := range a {
				size = max(size, math.Abs(v))
			}
			for name, decompose := range map[string]func([]float64, int) ([]float64, []float64){"QL": eigenSymmetric, "Jacobi": eigenGraded} {
				values, vectors := decompose(append([]float64(nil), a...), n)
				for i := range n {
					for j := range n {
						var back, unit float64
						for k := range n {
							back += values[k] * vectors[k*n+i] * vectors[k*n+j]
							unit += vectors[i*n+k] * vectors[j*n+k]
						}
						want := 0.0
						if i == j {
							want = 1
						}
						if math.Abs(unit-want) > 1e-13 {
							t.Fatalf("%s n %d rank %d: eigenvectors %d and %d have product %v", name, n, rank, i, j, unit)
						}
						if math.Abs(back-a[i*n+j]) > 1e-13*float64(n)*size {
							t.Fatalf("%s n %d rank %d: element %d, %d is %v, want %v", name, n, rank, i, j, back, a[i*n+j])
						}
					}
				}
			}
		}
	}
}

// TestEigenGraded: the small eigenvalue of a graded matrix has as many digits as
// the large one.
func TestEigenGraded(t *testing.T) {
	for _, e := range []float64{1, 1e-4, 1e-8, 1e-12} {
		a := []float64{1, e / 2, e / 2, e * e}
		values, _ := eigenGraded(append([]float64(nil), a...), 2)
		small := min(values[0], values[1])
		trace, det := 1+e*e, 0.75*e*e
		want := 2 * det / (trace + math.Sqrt(trace*trace-4*det))
		if math.Abs(small-want) > 1e-14*want {
			t.Errorf("e = %v: %v, want %v", e, small, want)
		}
	}
}
