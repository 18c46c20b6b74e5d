package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// nbsp keeps a number and its unit on one line.
	nbsp = "\u00a0"
	// undefined stands for a figure that does not exist.
	undefined = "–"
)

// count writes a whole number with thousands separators.
func count(n int64) string {
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

// units writes a quantity: whole from 100 on, with up to two decimals below.
func units(x float64) string {
	switch a := math.Abs(x); {
	case a >= 9e15:
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a >= 99.95:
		return count(int64(math.Round(x)))
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

// figure writes an accuracy figure with three decimals.
func figure(x *float64) string {
	if x == nil {
		return undefined
	}
	if math.Abs(*x) >= 1000 {
		return units(*x)
	}
	return strconv.FormatFloat(*x, 'f', 3, 64)
}

// percent writes a share.
func percent(x *float64) string {
	if x == nil {
		return undefined
	}
	return share(*x)
}

func share(x float64) string {
	if math.Abs(x) >= 10 {
		return count(int64(math.Round(100*x))) + nbsp + "%"
	}
	if x > 0 && x < .0005 {
		return "<" + nbsp + "0.1" + nbsp + "%"
	}
	return strings.Replace(strconv.FormatFloat(100*x+0, 'f', 1, 64), "-", "−", 1) + nbsp + "%"
}

// wholePercent is for sentences; it does not round a part to all or nothing.
func wholePercent(x float64) string {
	p := math.Round(100 * x)
	if (p == 0 || p == 100) && x != 0 && x != 1 {
		return share(x)
	}
	return strings.Replace(strconv.FormatFloat(p, 'f', 0, 64), "-", "−", 1) + nbsp + "%"
}

// signed is a percentage with its sign, so that it does not rest on colour.
func signed(x *float64) string {
	if x != nil && *x > 0 {
		return "+" + percent(x)
	}
	return percent(x)
}

// seconds writes a duration for people.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d%sh %d%smin", int(d.Hours()), nbsp, int(d.Minutes())%60, nbsp)
	case d >= time.Minute:
		return fmt.Sprintf("%d%smin %d%ss", int(d.Minutes()), nbsp, int(d.Seconds())%60, nbsp)
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f%ss", s, nbsp)
	default:
		return fmt.Sprintf("%.1f%ss", s, nbsp)
	}
}

// byteSize writes a size in decimal units, as storage is billed.
func byteSize(n int64) string {
	switch f := float64(n); {
	case n >= 1e9:
		return fmt.Sprintf("%.1f%sGB", f/1e9, nbsp)
	case n >= 1e6:
		return fmt.Sprintf("%.1f%sMB", f/1e6, nbsp)
	case n >= 1e3:
		return fmt.Sprintf("%.1f%skB", f/1e3, nbsp)
	default:
		return fmt.Sprintf("%d%sB", n, nbsp)
	}
}
