package generate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/skucast/skucast/shared/retail"
)

// world is everything that sells, and the state of the day that is being made.
type world struct {
	c      Config
	stores []store
	skus   []sku
	series []series // store by store

	// of the day
	date retail.Date
	text string // of the date
	off  bool   // a holiday
}

type store struct {
	code          string
	size          float64
	weekday       [7]float64 // share of the day in the week, mean 1
	closed        int        // weekday, −1 for none
	rebuilt, done int        // days [rebuilt, done) without any line
}

type sku struct {
	code             string
	category         int
	level            float64 // units a day in a store of size 1
	r                float64 // size of the negative binomial
	trend            float64 // a year, in logarithms
	amplitude, phase float64 // of the yearly wave
	launched, ended  int     // days [launched, ended) on sale
	cents            int64   // price on the first day
	elasticity       float64
	promoEvery       int // days; promotions begin at every multiple, plus promoShift
	promoShift       int
	promoDays        int
	discount         float64
	display          float64 // what a promotion sells beyond its price
	risk             float64 // of running out of stock, a day
	outage           float64 // probability that an outage ends, a day

	// of the day
	onSale bool
	promo  bool
	price  int64
	demand float64
}

// series is a SKU in a store.
type series struct {
	rng    rand.PCG
	factor float32 // of the SKU's level
	out    bool    // without stock
	listed bool    // has a line of history
}

// A category says what its SKUs have in common.
type category struct {
	code      string
	cents     [2]float64 // prices
	amplitude float64    // of the yearly wave
	peak      float64    // its place in the year, 0 to 1
	slow      float64    // share of slow movers
}

func categories() []category {
	return []category{
		{"DRY", [2]float64{89, 499}, 0.06, 0.90, 0.25},
		{"BEV", [2]float64{79, 1299}, 0.28, 0.53, 0.20},
		{"FRZ", [2]float64{199, 799}, 0.30, 0.50, 0.30},
		{"SNK", [2]float64{119, 449}, 0.12, 0.95, 0.20},
		{"HOM", [2]float64{249, 2499}, 0.08, 0.90, 0.55},
		{"PET", [2]float64{99, 2999}, 0.05, 0.00, 0.40},
		{"BEA", [2]float64{199, 3499}, 0.15, 0.93, 0.60},
		{"GAR", [2]float64{299, 5999}, 0.75, 0.38, 0.65},
	}
}

func newWorld(c Config) *world {
	w := &world{c: c, stores: make([]store, c.Stores), skus: make([]sku, c.SKUs), series: make([]series, c.Stores*c.SKUs)}
	for i := range w.stores {
		w.stores[i] = newStore(c, i)
	}
	for i := range w.skus {
		w.skus[i] = newSKU(c, i)
	}
	for i := range w.series {
		rng := stream(c.Seed, streamSeries, uint64(i))
		factor := float32(exp(float64(0.3 * normal(rng))))
		w.series[i] = series{rng: *rng, factor: factor}
	}
	return w
}

func newStore(c Config, i int) store {
	rng := stream(c.Seed, streamStore, uint64(i))
	towns := [...]string{"BER", "HAM", "MUC", "CGN", "FRA", "STR", "LEJ", "BRE", "DRS", "HAJ", "NUE", "DUS", "ZRH", "VIE", "LYS", "AMS"}
	s := store{
		code:   fmt.Sprintf("%s-%03d", towns[whole(rng, 0, len(towns)-1)], i+1),
		size:   exp(float64(0.4 * normal(rng))),
		closed: -1, rebuilt: -1, done: -1,
	}
	sum := 0.0
	for d, share := range [7]float64{0.90, 0.88, 0.93, 1.00, 1.22, 1.37, 0.78} {
		s.weekday[d] = float64(share * between(rng, 0.92, 1.08))
		sum += s.weekday[d]
	}
	for d := range s.weekday {
		s.weekday[d] = float64(s.weekday[d]*7) / sum
	}
	closed := uniform(rng)
	rebuilt, at, days := chance(rng, 0.1), uniform(rng), whole(rng, 14, 28)
	if i == 0 { // always open but for holidays: the file's last day is the history's
		return s
	}
	switch {
	case closed < 0.60:
		s.closed = 6
	case closed < 0.65:
		s.closed = 0
	}
	// Over a month before the origin, so that no closure is still going on there.
	if room := c.Days - days - 40; rebuilt && room > 0 {
		s.rebuilt = int(float64(at * float64(room)))
		s.done = s.rebuilt + days
	}
	return s
}

func newSKU(c Config, i int) sku {
	rng := stream(c.Seed, streamSKU, uint64(i))
	all := categories()
	k := sku{category: whole(rng, 0, len(all)-1), ended: c.Days + c.Horizon}
	cat := all[k.category]
	// A bijection of 0 … 10⁷−1 that looks like an article number: 7,368,787 has no factor in common with 10⁷.
	k.code = fmt.Sprintf("%s-%07d", cat.code, (uint64(i)*7_368_787+1_048_573)%10_000_000)
	k.cents = int64(exp(between(rng, log(cat.cents[0]), log(cat.cents[1]))))/10*10 + 9
	if chance(rng, cat.slow) {
		k.level = exp(between(rng, log(0.02), log(0.6)))
		k.r = between(rng, 0.3, 2)
	} else {
		k.level = min(exp(1.1+float64(0.9*normal(rng))), 80)
		k.r = min(exp(1.4+float64(0.6*normal(rng))), 40)
	}
	k.trend = float64(0.12 * normal(rng))
	k.amplitude = float64(cat.amplitude * between(rng, 0.4, 1.3))
	k.phase = cat.peak + float64(0.02*normal(rng)) + 1
	k.elasticity = between(rng, 0.8, 2.8)
	k.promoEvery = 7 * whole(rng, 6, 14)
	k.promoShift = 7 * whole(rng, 0, 13)
	k.promoDays = 7 * whole(rng, 1, 2)
	k.discount = between(rng, 0.10, 0.35)
	k.display = between(rng, 1.05, 1.7)
	k.risk = between(rng, 0.0005, 0.006)
	k.outage = between(rng, 0.15, 0.5)
	fate, at := uniform(rng), uniform(rng)
	if i == 0 { // something is on sale at all times
		return k
	}
	switch {
	case fate < 0.10: // new: in the last nine tenths, at least four weeks before the origin
		k.launched = max(0, min(int(float64(float64(c.Days)*(0.1+float64(0.9*at)))), c.Days-28))
	case fate < 0.16: // discontinued: in the last half
		k.ended = max(1, int(float64(float64(c.Days)*(0.5+float64(0.5*at)))))
	}
	return k
}

// day sets what all stores share on day t.
func (w *world) day(t int) {
	w.date = w.c.Start + retail.Date(t)
	w.text = w.date.String()
	_, month, dom := w.date.Civil()
	w.off = month == time.January && dom == 1 || month == time.December && (dom == 25 || dom == 26) ||
		month == time.May && dom == 1
	year := float64(w.date.Time().YearDay()-1) / 366
	busy := 1.0
	if month == time.December && dom >= 8 && dom <= 24 { // before Christmas
		busy = 1.25
	}
	for i := range w.skus {
		w.skus[i].day(t, year, busy)
	}
}

// day sets the SKU's price and demand on day t; busy multiplies the demand of everything.
func (k *sku) day(t int, year, busy float64) {
	k.onSale = t >= k.launched && t < k.ended
	if !k.onSale {
		return
	}
	k.promo = (t+k.promoShift)%k.promoEvery < k.promoDays
	// Two price rounds a year of 1.5 %.
	regular := float64(k.cents) * exp(float64(0.015*float64(t/182)))
	k.price = max(int64(regular)/10*10+9, 9)
	k.demand = busy
	if k.promo {
		k.price = max(int64(float64(regular*(1-k.discount)))/10*10+9, 9)
		k.demand = float64(k.demand * k.display)
	}
	ratio := float64(k.price) / float64(k.cents)
	yearly := 1 + float64(k.amplitude*wave(year-k.phase+0.25+2))
	grown := exp(float64(k.trend*float64(t))/365.25 - float64(k.elasticity*log(ratio)))
	k.demand = float64(float64(float64(k.demand*k.level)*max(yearly, 0.05)) * grown)
}

// maxMean keeps the distributions where newNegbin is exact.
const maxMean = 800

// mean of the series' demand on the day.
func (w *world) mean(st *store, k *sku, x *series) float64 {
	m := float64(float64(k.demand*st.size) * st.weekday[w.date.Weekday()])
	return min(float64(m*float64(x.factor)), maxMean)
}

// count returns how many SKUs came and went during the history.
func (w *world) count() (launched, ended int) {
	for _, k := range w.skus {
		if k.launched > 0 {
			launched++
		}
		if k.ended < w.c.Days {
			ended++
		}
	}
	return launched, ended
}

func (w *world) listed() int {
	n := 0
	for i := range w.series {
		if w.series[i].listed {
			n++
		}
	}
	return n
}
