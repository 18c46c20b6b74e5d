package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// What is asked of the accuracy.
const (
	allowedRatio  = 1.01 // of ours to the best local peer's
	allowedMisses = 1    // sets on which a line may fail
	promoSet      = "rossmann_120"
	promoWAPE     = 0.10
	promoAim      = 0.09
)

// measureBy is one of the two by which models are compared.
type measureBy struct {
	name string
	of   func(*model) float64
}

// metrics are RMSSE and SPL; a model without one never wins.
func metrics() [2]measureBy {
	value := func(v *float64) float64 {
		if v == nil {
			return math.Inf(1)
		}
		return *v
	}
	return [2]measureBy{
		{"RMSSE", func(m *model) float64 { return value(m.RMSSE) }},
		{"SPL", func(m *model) float64 { return value(m.SPL) }},
	}
}

// bestLocal is the peer with the lowest metric among those that see one series at a time.
func (r *report) bestLocal(by measureBy) *model {
	var best *model
	for i := range r.Models {
		m := &r.Models[i]
		if m.Name != ours && m.Name != everything && m.Name != global && (best == nil || by.of(m) < by.of(best)) {
			best = m
		}
	}
	return best
}

// outcome is one line of what was asked.
type outcome struct {
	Line   string
	Holds  bool
	Misses []string
}

// verdicts prints how ours stands beside the peers and what of it was asked.
func verdicts(w io.Writer, reports []report) {
	fmt.Fprint(w, "\n### Ours beside the best\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(t, "| set\t| metric\t| ours\t| best local peer\t| \t| ours/best\t| LightGBM\t| ours/LightGBM\t| best mean of two\t| ours/mean\t|\n"+strings.Repeat("|---\t", 10)+"|\n")
	for i := range reports {
		r := &reports[i]
		for k, by := range metrics() {
			own, best := by.of(r.find(ours)), r.bestLocal(by)
			if best == nil {
				continue
			}
			fmt.Fprintf(t, "| %s\t| %s\t| %.4f\t| %s\t| %.4f\t| %.3f", r.Set, by.name, own, best.Name, by.of(best), own/by.of(best))
			for _, other := range []*model{r.find(global), r.combination(k)} {
				if other == nil {
					fmt.Fprint(t, "\t| –\t| –")
					continue
				}
				fmt.Fprintf(t, "\t| %.4f\t| %.3f", by.of(other), own/by.of(other))
			}
			fmt.Fprint(t, "\t|\n")
		}
	}
	_ = t.Flush() // an error of w shows when its owner closes it
	for _, part := range []struct {
		title string
		lines []outcome
	}{{"Must", musts(reports)}, {"Aim", aims(reports)}} {
		fmt.Fprintf(w, "\n%s\n\n", part.title)
		for _, o := range part.lines {
			verdict := "met"
			if !o.Holds {
				verdict = "NOT MET"
			}
			fmt.Fprintf(w, "- %s: %s", o.Line, verdict)
			if len(o.Misses) > 0 {
				fmt.Fprintf(w, " (not: %s)", strings.Join(o.Misses, "; "))
			}
			fmt.Fprint(w, "\n")
		}
	}
}

// combination is the best one by metric k, nil without peers.
func (r *report) combination(k int) *model {
	if k >= len(r.Combinations) {
		return nil
	}
	return &r.Combinations[k]
}

// musts are the lines that have to hold.
func musts(reports []report) []outcome {
	var out []outcome
	for _, by := range metrics() {
		o := outcome{Line: fmt.Sprintf("%s ≤ %.2f × the best local peer's on every set but one", by.name, allowedRatio)}
		for i := range reports {
			r := &reports[i]
			best := r.bestLocal(by)
			if best == nil {
				o.Misses = append(o.Misses, r.Set+" has no peer")
			} else if ratio := by.of(r.find(ours)) / by.of(best); !(ratio <= allowedRatio) {
				o.Misses = append(o.Misses, fmt.Sprintf("%s %.3f", r.Set, ratio))
			}
		}
		o.Holds = len(o.Misses) <= allowedMisses
		out = append(out, o)
	}
	value := outcome{Line: "positive value added over seasonal naive on every class of every set"}
	calibrated := outcome{Line: "calibrated within 0.03 over the origins together on every set but one"}
	clean := outcome{Line: "no value negative, not a number, or crossing"}
	var promotions []outcome
	for i := range reports {
		r := &reports[i]
		m := r.widest()
		for _, class := range slices.Sorted(maps.Keys(m.Classes)) {
			if f := m.Classes[class]; f.Skill != nil && !(*f.Skill > 0) {
				value.Misses = append(value.Misses, fmt.Sprintf("%s %s %.3f of %d", r.Set, class, *f.Skill, f.Series))
			}
		}
		if !m.Calibrated {
			calibrated.Misses = append(calibrated.Misses, r.Set)
		}
		if m.Faulty > 0 {
			clean.Misses = append(clean.Misses, fmt.Sprintf("%s %d", r.Set, m.Faulty))
		}
		if r.Set == promoSet {
			promotions = append(promotions, promo(m, promoWAPE))
		}
	}
	value.Holds, clean.Holds = len(value.Misses) == 0, len(clean.Misses) == 0
	calibrated.Holds = len(calibrated.Misses) <= allowedMisses
	return append(append(out, value, calibrated, clean), promotions...)
}

func promo(m *model, limit float64) outcome {
	o := outcome{Line: fmt.Sprintf("%s with known promotions: WAPE on open days ≤ %.2f", promoSet, limit)}
	o.Holds = m.WAPE != nil && *m.WAPE <= limit
	if !o.Holds {
		o.Misses = []string{num(m.WAPE, 4)}
	}
	return o
}

// aims are the lines that are reported, met or not.
func aims(reports []report) []outcome {
	var out []outcome
	for k, by := range metrics() {
		booster := outcome{Line: by.name + " below LightGBM's on more than half of the sets"}
		mixed := outcome{Line: by.name + " below the best mean of two peers on half of the sets"}
		for i := range reports {
			r := &reports[i]
			own := by.of(r.find(ours))
			if g := r.find(global); g == nil || !(own < by.of(g)) {
				booster.Misses = append(booster.Misses, r.Set)
			}
			if c := r.combination(k); c == nil || !(own < by.of(c)) {
				mixed.Misses = append(mixed.Misses, r.Set)
			}
		}
		booster.Holds = 2*len(booster.Misses) < len(reports)
		mixed.Holds = 2*len(mixed.Misses) <= len(reports)
		out = append(out, booster, mixed)
	}
	for i := range reports {
		if reports[i].Set == promoSet {
			out = append(out, promo(reports[i].widest(), promoAim))
		}
	}
	return out
}
