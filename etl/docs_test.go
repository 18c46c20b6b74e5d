package etl

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/run"
)

// docTables are the tables of docs/input.md that repeat what the code says.
func docTables() map[string]string {
	var rules, reasons, synonyms strings.Builder
	for _, r := range Rules() {
		fmt.Fprintf(&rules, "| `%s` | %s | %s |\n", r.Name, r.Effect, r.Meaning)
	}
	for _, r := range Reasons() {
		fmt.Fprintf(&reasons, "| `%s` | %s | %s |\n", r.Name, r.Meaning, r.WayOut)
	}
	for _, meaning := range run.Columns {
		fmt.Fprintf(&synonyms, "| `%s` | %s |\n", meaning, strings.Join(Synonyms(meaning), ", "))
	}
	return map[string]string{"RULES": rules.String(), "REASONS": reasons.String(), "SYNONYMS": synonyms.String()}
}

// TestDocs holds docs/input.md to the code, and the SQL to the rules.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../docs/input.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := docTables()
	for name, table := range tables {
		if !strings.Contains(string(doc), "|---|\n"+table+"\n") {
			t.Errorf("docs/input.md: the table of %s should be\n%s", strings.ToLower(name), table)
		}
	}
	known := strings.Join([]string{tables["RULES"], tables["REASONS"]}, "")
	for _, m := range regexp.MustCompile("`([a-z0-9]+(_[a-z0-9]+)+)`").FindAllStringSubmatch(string(doc), -1) {
		if !strings.Contains(known, "`"+m[1]+"`") && !slices.Contains([]string{"date_order", "in_stock", "exclude_skus", "sku_case"}, m[1]) {
			t.Errorf("docs/input.md names %q, which is no rule and no reason", m[1])
		}
	}
}

func TestRulesAndReasons(t *testing.T) {
	inSQL := ""
	for _, name := range []string{"1_parsed", "4_typed", "6_judged", "10_quality"} {
		b, err := os.ReadFile("sql/" + name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		inSQL += string(b)
	}
	elsewhere := map[string]bool{ // decided by DecidePeriods or counted by staging and the driver
		RuleIsolatedDate: true, RuleOffGrid: true, RulePartialPeriod: true, RuleSaleInFuture: true,
		RuleSummed: true, RuleDecodedCP1252: true, RuleBlankLine: true,
		RuleCancelledPair: true, RuleGiantQuantity: true, RuleTitleLine: true,
	}
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Name] || r.Meaning == "" {
			t.Errorf("rule %q stands twice or says nothing", r.Name)
		}
		seen[r.Name] = true
		if !elsewhere[r.Name] && !regexp.MustCompile(`\b`+r.Name+`\b`).MatchString(inSQL) {
			t.Errorf("the shared SQL does not know rule %q", r.Name)
		}
	}
	for _, m := range regexp.MustCompile(`THEN '([a-z]+_[a-z_]+)'`).FindAllStringSubmatch(inSQL, -1) {
		if !seen[m[1]] {
			t.Errorf("the shared SQL has rule %q, which is not documented", m[1])
		}
	}
	for _, r := range Reasons() {
		if seen[r.Name] || r.Meaning == "" || WayOut(r.Name) != r.WayOut || r.WayOut == "" {
			t.Errorf("reason %q stands twice or says nothing", r.Name)
		}
		seen[r.Name] = true
	}
	if WayOut("unheard_of") != "" {
		t.Error("an unknown reason has a way out")
	}
}
