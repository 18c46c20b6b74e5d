package ets

// force says how a column of derivatives is driven: the innovation enters the
// level, slope or season, or the slope enters its own damping.
type force struct{ level, slope, season, damp float64 }

// gains returns the forcing of the derivative with respect to parameter i.
func driven(i int) force {
	switch i {
	case iAlpha:
		return force{level: 1}
	case iBeta:
		return force{slope: 1}
	case iGamma:
		return force{season: 1}
	}
	return force{damp: 1}
}

// The passes below run the recursion of the package comment over all periods.
// Seasons are not a ring but a sequence, s[t+m] = s[t] + γe, which spares the
// index arithmetic. A missing period has weight w = 0, which zeroes the gains.
// Levels are updated as (1−α)(l+φb) + α(y−s): the same number, with a shorter
// chain of dependent operations. Several columns run side by side for the same
// reason.

// start runs the filter of y from zero states into ws.r, the response of the
// innovations to a unit of the first season (or of the level, in a form
// without season) into ws.c, and to a unit of slope into ws.b.
func (ws *Workspace) start(p theta) {
	n, m := len(ws.y), ws.m
	y, w := ws.y, ws.w[:n]
	r, c, b := ws.r[:n], ws.c[:n], ws.b[:n]
	al, be, ga, phi := p[iAlpha], p[iBeta], p[iGamma], p[iPhi]
	if !ws.form.seasonal() {
		lr, lc, lb := 0.0, 1.0, 0.0
		br, bc, bb := 0.0, 0.0, 1.0
		for t, v := range y {
			a, g := al*w[t], be*w[t]
			br, bc, bb = phi*br, phi*bc, phi*bb
			lr, lc, lb = lr+br, lc+bc, lb+bb
			r[t], c[t], b[t] = w[t]*(v-lr), -w[t]*lc, -w[t]*lb
			br, bc, bb = br+g*(v-lr), bc-g*lc, bb-g*lb
			lr, lc, lb = (1-a)*lr+a*v, (1-a)*lc, (1-a)*lb
		}
		return
	}
	sr, sc, sb := ws.s[0][:n+m], ws.s[1][:n+m], ws.s[2][:n+m]
	clear(sr[:m])
	clear(sc[:m])
	clear(sb[:m])
	sc[0] = 1
	var lr, lc, lb, br, bc float64
	bb := 1.0
	for t, v := range y {
		a, g, h := al*w[t], be*w[t], ga*w[t]
		br, bc, bb = phi*br, phi*bc, phi*bb
		lr, lc, lb = lr+br, lc+bc, lb+bb
		ur, uc, ub := v-sr[t], sc[t], sb[t]
		er, ec, eb := ur-lr, uc+lc, ub+lb
		r[t], c[t], b[t] = w[t]*er, -w[t]*ec, -w[t]*eb
		br, bc, bb = br+g*er, bc-g*ec, bb-g*eb
		lr, lc, lb = (1-a)*lr+a*ur, (1-a)*lc-a*uc, (1-a)*lb-a*ub
		sr[t+m], sc[t+m], sb[t+m] = sr[t]+h*er, uc-h*ec, ub-h*eb
	}
}

// seasonColumn runs the response of the innovations to a unit of the season of
// period j: needed one by one only where gaps make them differ.
func (ws *Workspace) seasonColumn(dst []float64, p theta, j int) {
	n, m := len(ws.y), ws.m
	w, s := ws.w[:n], ws.s[0][:n+m]
	al, be, ga, phi := p[iAlpha], p[iBeta], p[iGamma], p[iPhi]
	clear(s[:m])
	clear(dst[:j])
	s[j] = 1
	clear(s[m : j+m])
	var l, b float64
	for t := j; t < n; t++ {
		a := w[t]
		b *= phi
		l += b
		u := s[t]
		e := u + l
		dst[t] = -a * e
		b -= be * a * e
		l = (1-al*a)*l - al*a*u
		s[t+m] = u - ga*a*e
	}
}

// innovations runs the filter of y from the initial states ws.x into ws.e and
// returns their sum of squares; ws.slope receives the slope before each period.
func (ws *Workspace) innovations(p theta) float64 {
	n, m := len(ws.y), ws.m
	y, w, e, slope := ws.y, ws.w[:n], ws.e[:n], ws.slope[:n]
	al, be, ga, phi := p[iAlpha], p[iBeta], p[iGamma], p[iPhi]
	l, b, sse := 0.0, 0.0, 0.0
	if ws.form.trend() {
		b = ws.x[m]
	}
	if !ws.form.seasonal() {
		l = ws.x[0]
		for t, v := range y {
			slope[t] = b
			b *= phi
			l += b
			d := w[t] * (v - l)
			e[t] = d
			sse += d * d
			b += be * d
			a := al * w[t]
			l = (1-a)*l + a*v
		}
		return sse
	}
	s := ws.s[0][:n+m]
	copy(s[:m], ws.x[:m])
	for t, v := range y {
		slope[t] = b
		b *= phi
		l += b
		u := v - s[t]
		d := w[t] * (u - l)
		e[t] = d
		sse += d * d
		b += be * d
		a := al * w[t]
		l = (1-a)*l + a*u
		s[t+m] = s[t] + ga*d
	}
	return sse
}

// derivatives runs two columns ∂e/∂θ side by side, after innovations.
func (ws *Workspace) derivatives(p theta, dst1, dst2 []float64, f1, f2 force) {
	n, m := len(ws.y), ws.m
	w, e, slope := ws.w[:n], ws.e[:n], ws.slope[:n]
	dst1, dst2 = dst1[:n], dst2[:n]
	al, be, ga, phi := p[iAlpha], p[iBeta], p[iGamma], p[iPhi]
	var l1, l2, b1, b2 float64
	if !ws.form.seasonal() {
		for t, d := range e {
			a, g := al*w[t], be*w[t]
			b1, b2 = phi*b1+f1.damp*slope[t], phi*b2+f2.damp*slope[t]
			l1, l2 = l1+b1, l2+b2
			dst1[t], dst2[t] = -w[t]*l1, -w[t]*l2
			b1, b2 = b1+(f1.slope*d-g*l1), b2+(f2.slope*d-g*l2)
			l1, l2 = (1-a)*l1+f1.level*d, (1-a)*l2+f2.level*d
		}
		return
	}
	s1, s2 := ws.s[1][:n+m], ws.s[2][:n+m]
	clear(s1[:m])
	clear(s2[:m])
	for t, d := range e {
		a, g, h := al*w[t], be*w[t], ga*w[t]
		b1, b2 = phi*b1+f1.damp*slope[t], phi*b2+f2.damp*slope[t]
		l1, l2 = l1+b1, l2+b2
		u1, u2 := s1[t], s2[t]
		d1, d2 := u1+l1, u2+l2
		dst1[t], dst2[t] = -w[t]*d1, -w[t]*d2
		b1, b2 = b1+(f1.slope*d-g*d1), b2+(f2.slope*d-g*d2)
		l1, l2 = (1-a)*l1+(f1.level*d-a*u1), (1-a)*l2+(f2.level*d-a*u2)
		s1[t+m], s2[t+m] = u1+(f1.season*d-h*d1), u2+(f2.season*d-h*d2)
	}
}
