package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// NBSP keeps a number and its unit on one line.
	NBSP = "\u00a0"
	// Undefined stands for a figure that does not exist.
	Undefined = "–"
)

// Count writes a whole number with thousands separators.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return sign + b.String()
}

// Units writes a quantity: whole from 100 on, with up to two decimals below.
func Units(x float64) string {
	switch a := math.Abs(x); {
	case a >= 9e15:
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a >= 99.95:
		return Count(int64(math.Round(x)))
	case a >= 9.995:
		return trimZeros(strconv.FormatFloat(x, 'f', 1, 64))
	default:
		return trimZeros(strconv.FormatFloat(x, 'f', 2, 64))
	}
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Figure writes an accuracy figure with three decimals.
func Figure(x *float64) string {
	if x == nil {
		return Undefined
	}
	if math.Abs(*x) >= 1000 {
		return Units(*x)
	}
	return strconv.FormatFloat(*x, 'f', 3, 64)
}

// Percent writes a share.
func Percent(x *float64) string {
	if x == nil {
		return Undefined
	}
	return Share(*x)
}

// Share writes a share that exists.
func Share(x float64) string {
	if math.Abs(x) >= 10 {
		return Count(int64(math.Round(100*x))) + NBSP + "%"
	}
	if x > 0 && x < .0005 {
		return "<" + NBSP + "0.1" + NBSP + "%"
	}
	return strings.Replace(strconv.FormatFloat(100*x+0, 'f', 1, 64), "-", "−", 1) + NBSP + "%"
}

// WholePercent is for sentences; it does not round a part to all or nothing.
func WholePercent(x float64) string {
	p := math.Round(100 * x)
	if (p == 0 || p == 100) && x != 0 && x != 1 {
		return Share(x)
	}
	return strings.Replace(strconv.FormatFloat(p, 'f', 0, 64), "-", "−", 1) + NBSP + "%"
}

// Signed is a percentage with its sign, so that it does not rest on colour.
func Signed(x *float64) string {
	if x != nil && *x > 0 {
		return "+" + Percent(x)
	}
	return Percent(x)
}

// Seconds writes a duration for people.
func Seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d%sh %d%smin", int(d.Hours()), NBSP, int(d.Minutes())%60, NBSP)
	case d >= time.Minute:
		return fmt.Sprintf("%d%smin %d%ss", int(d.Minutes()), NBSP, int(d.Seconds())%60, NBSP)
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f%ss", s, NBSP)
	default:
		return fmt.Sprintf("%.1f%ss", s, NBSP)
	}
}

// ByteSize writes a size in decimal units, as storage is billed.
func ByteSize(n int64) string {
	switch f := float64(n); {
	case n >= 1e9:
		return fmt.Sprintf("%.1f%sGB", f/1e9, NBSP)
	case n >= 1e6:
		return fmt.Sprintf("%.1f%sMB", f/1e6, NBSP)
	case n >= 1e3:
		return fmt.Sprintf("%.1f%skB", f/1e3, NBSP)
	default:
		return fmt.Sprintf("%d%sB", n, NBSP)
	}
}
