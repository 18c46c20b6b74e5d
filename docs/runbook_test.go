// Package docs_test holds the documentation to the code.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reasonFolders are those whose constants named Reason… and permanent errors are reasons
// of failed runs and refused messages.
var reasonFolders = []string{
	"etl", "etl/databricks", "handlers", "shared/event", "shared/ledger", "shared/products", "shared/publish", "shared/run", "shared/sales", "shared/training",
}

// otherReasons are why a run was started, and why a series has no forecast.
var otherReasons = []string{"drop", "no_usable_row", "off_grid"}

// reasons collects the reasons from the source.
func reasons(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, folder := range reasonFolders {
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, id := range n.Names {
						if strings.HasPrefix(id.Name, "Reason") && i < len(n.Values) {
							found = appendText(found, n.Values[i])
						}
					}
				case *ast.CallExpr:
					if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Permanent" && len(n.Args) > 0 {
						found = appendText(found, n.Args[0])
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(s string) bool { return slices.Contains(otherReasons, s) })
}

func appendText(to []string, e ast.Expr) []string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return append(to, s)
		}
	}
	return to
}

// The runbook says what to do about every reason, and about none that does not exist.
func TestRunbookIsComplete(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	known := append(reasons(t), "MaxDeliveryCountExceeded") // the broker's own
	if len(known) < 30 {
		t.Fatalf("only %d reasons found: %q", len(known), known)
	}
	var named []string
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "### ") && !strings.HasPrefix(line, "| `") {
			continue
		}
		if strings.HasPrefix(line, "| ") {
			line, _, _ = strings.Cut(line[2:], "|")
		}
		for _, m := range regexp.MustCompile("`([A-Za-z_]+)`").FindAllStringSubmatch(line, -1) {
			named = append(named, m[1])
		}
	}
	for _, r := range known {
		if !slices.Contains(named, r) {
			t.Errorf("runbook.md does not say what to do about %s", r)
		}
	}
	for _, r := range named {
		if !slices.Contains(known, r) {
			t.Errorf("runbook.md explains %s, which nothing in the code reports", r)
		}
	}
}

// Every command and option that the pages tell people to type exists.
func TestCommandsOfTheRunbookExist(t *testing.T) {
	t.Parallel()
	source := ""
	files, err := filepath.Glob("../cmd/skucast/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(b)
	}
	page, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?:`|    )skucast\\s+([a-z]+)([^`\n#]*)").FindAllStringSubmatch(string(page), -1) {
		if !strings.Contains(source, `{"`+m[1]+`", "`) {
			t.Errorf("there is no command %q: %s", m[1], m[0])
		}
		for _, o := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[2], -1) {
			if !strings.Contains(source, `"`+o[1]+`", `) {
				t.Errorf("there is no option --%s: %s", o[1], m[0])
			}
		}
	}
}
