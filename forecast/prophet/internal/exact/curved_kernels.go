package exact

// combine adds Σ f[j]·cols[j] over the listed columns to dst, four columns at a
// time, so that dst is loaded and stored once for all of them.
func combine(dst []float64, cols [][]float64, list []int, f []float64) {
	for len(list) >= 4 {
		a, b, c, d := cols[list[0]], cols[list[1]], cols[list[2]], cols[list[3]]
		a, b, c, d = a[:len(dst)], b[:len(dst)], c[:len(dst)], d[:len(dst)]
		fa, fb, fc, fd := f[list[0]], f[list[1]], f[list[2]], f[list[3]]
		for i, v := range dst {
			dst[i] = v + (fa*a[i] + fb*b[i]) + (fc*c[i] + fd*d[i])
		}
		list = list[4:]
	}
	for _, j := range list {
		axpy(dst, f[j], cols[j])
	}
}

// project writes the inner products of the listed columns with v to dst[j],
// four columns at a time, so that v is loaded once for all of them.
func project(dst []float64, cols [][]float64, list []int, v []float64) {
	for len(list) >= 4 {
		a, b, c, d := cols[list[0]], cols[list[1]], cols[list[2]], cols[list[3]]
		a, b, c, d = a[:len(v)], b[:len(v)], c[:len(v)], d[:len(v)]
		var sa, sb, sc, sd float64
		for i, w := range v {
			sa += w * a[i]
			sb += w * b[i]
			sc += w * c[i]
			sd += w * d[i]
		}
		dst[list[0]], dst[list[1]], dst[list[2]], dst[list[3]] = sa, sb, sc, sd
		list = list[4:]
	}
	for _, j := range list {
		dst[j] = dot(v, cols[j])
	}
}

// products are the inner products of x and y with a and with b.
func products(x, y, a, b []float64) (xa, xb, ya, yb float64) {
	y, a, b = y[:len(x)], a[:len(x)], b[:len(x)]
	for i, v := range x {
		w, p, q := y[i], a[i], b[i]
		xa += v * p
		xb += v * q
		ya += w * p
		yb += w * q
	}
	return xa, xb, ya, yb
}

// momentsOf are Σxy, Σxyt and Σxyt², and those of x with z.
func momentsOf(x, y, z, t []float64) (my, mz [3]float64) {
	y, z, t = y[:len(x)], z[:len(x)], t[:len(x)]
	var y0, y1, y2, z0, z1, z2 float64
	for i, v := range x {
		at := t[i]
		p, q := v*y[i], v*z[i]
		pt, qt := p*at, q*at
		y0 += p
		y1 += pt
		y2 += pt * at
		z0 += q
		z1 += qt
		z2 += qt * at
	}
	return [3]float64{y0, y1, y2}, [3]float64{z0, z1, z2}
}
