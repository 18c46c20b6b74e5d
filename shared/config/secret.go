package config

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Secret is text that must not be seen: however it is printed, encoded or logged, it
// comes out redacted. Reveal is the only way to its value.
type Secret string

const redacted = "[redacted]"

// Reveal returns the value, for the SDK that needs it.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format covers every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// MarshalText covers JSON and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue covers slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Described is one setting as `skucast config` shows it.
type Described struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // redacted if secret
	Default bool   `json:"default"`
	Meaning string `json:"meaning"`
}

// Describe lists every setting with its effective value.
func Describe(getenv func(string) string) []Described {
	var out []Described
	for _, s := range settings() {
		d := Described{Name: s.name, Value: getenv(s.name), Meaning: s.meaning}
		if d.Value == "" {
			d.Value, d.Default = s.fallback, true
		}
		if s.secret {
			d.Value = Secret(d.Value).String()
		}
		out = append(out, d)
	}
	return out
}

func names(set map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
