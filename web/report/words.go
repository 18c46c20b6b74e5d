package report

import (
	"fmt"
	"strings"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
)

// words makes a name readable: seasonal_naive is "seasonal naive".
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// period names one period, season what seasonal naive repeats.
func period(f retail.Frequency) (one, many, season string) {
	switch f {
	case retail.Weekly:
		return "week", "weeks", "the same week of last year"
	case retail.Monthly:
		return "month", "months", "the same month of last year"
	default:
		return "day", "days", "the same weekday of last week"
	}
}

// classMeaning says what a demand class is.
func classMeaning(class string) string {
	switch class {
	case "smooth":
		return "sells in most periods, in similar amounts"
	case "erratic":
		return "sells in most periods, in very different amounts"
	case "intermittent":
		return "sells now and then, in similar amounts"
	case "lumpy":
		return "sells now and then, in very different amounts"
	case "new":
		return "too young to tell"
	case "dead":
		return "has not sold for a long time"
	}
	return ""
}

// reasonMeaning says why a series fell back or was rejected.
func reasonMeaning(reason string) string {
	switch reason {
	case auto.ReasonSimpleModel:
		return "a simpler model was used, because those meant for the class could not be fitted"
	case auto.ReasonSeasonalNaive:
		return "the last season is repeated, because no model could be fitted"
	case auto.ReasonClassProfile:
		return "the typical course of similar articles is used, because the history is too short"
	case auto.ReasonNoDemand:
		return "nothing was ever sold"
	case auto.ReasonNoObservation:
		return "no period with a usable quantity"
	}
	return ""
}

func effectMeaning(effect string) string {
	switch effect {
	case "rejected":
		return "left out"
	case "repaired":
		return "used after a repair"
	case "counted":
		return "used as it is"
	}
	return effect
}

// because says why the run exists.
func because(reason string) string {
	kind, what, _ := strings.Cut(reason, ":")
	switch kind {
	case "drop":
		return "the file arrived"
	case "schedule":
		return "retraining was due on " + what
	case "replay":
		return "it was asked for again (replay " + what + ")"
	}
	return reason
}

func date(d retail.Date) string { return d.Time().Format("2 Jan 2006") }

func shortDate(d retail.Date, f retail.Frequency) string {
	if f == retail.Monthly {
		return d.Time().Format("Jan 2006")
	}
	return d.Time().Format("2 Jan")
}

// plural is "1 day" or "28 days".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1" + nbsp + one
	}
	return fmt.Sprintf("%s%s%s", count(int64(n)), nbsp, many)
}
