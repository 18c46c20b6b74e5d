package report

import (
	"strings"

	"github.com/skucast/skucast/forecast/auto"
)

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
