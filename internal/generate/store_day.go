package generate

// storeDay makes the lines of one store on day t, which world.day has set.
func (w *world) storeDay(s, t int, o *output) {
	st := &w.stores[s]
	future := t >= w.c.Days
	// On its closed weekday, and while it is rebuilt, a store has no lines at all; on a
	// holiday it has lines that say so.
	silent := st.closed == w.date.Weekday() || t >= st.rebuilt && t < st.done
	l := line{date: w.text, store: st.code, open: !w.off, future: future}
	for i := range w.skus {
		k := &w.skus[i]
		x := &w.series[s*len(w.skus)+i]
		if future && !x.listed { // unknown to whoever reads the file
			continue
		}
		if silent || !k.onSale {
			if future {
				o.known(w, st, k, newNegbin(0, 1), 0)
			}
			continue
		}
		l.sku, l.cents, l.promo = k.code, k.price, k.promo
		l.units, l.inStock = 0, true
		d := newNegbin(0, 1)
		if l.open {
			d = newNegbin(w.mean(st, k, x), k.r)
			l.units = d.quantile(uniform(&x.rng))
		}
		if future {
			o.known(w, st, k, d, l.units)
			l.units = 0
			o.put(&l)
			continue
		}
		x.stock(k)
		if x.out {
			l.units, l.inStock = 0, false
		}
		if o.history(&l, w.c.SkipZeros) {
			x.listed, o.sum.Origin = true, w.date
		}
	}
}

// stock moves the series between in and out of stock.
func (x *series) stock(k *sku) {
	u := uniform(&x.rng)
	if x.out {
		x.out = u >= k.outage
	} else {
		x.out = u < k.risk
	}
}

// history counts a line of the past and writes it, unless it is to be skipped.
func (o *output) history(l *line, skipZeros bool) bool {
	switch {
	case !l.open:
		o.sum.ClosedLines++
	case !l.inStock:
		o.sum.StockoutDays++
	case l.units == 0:
		o.sum.ZeroDays++
		if skipZeros {
			return false
		}
	}
	o.put(l)
	return true
}
