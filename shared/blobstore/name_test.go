package blobstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"raw-data/incoming/a.csv":               true,
		"raw-data/incoming/größe & co/a b.csv":  true,
		"raw-data/incoming/.hidden":             true,
		"raw-data/incoming/..a":                 true,
		"raw-data/" + strings.Repeat("x", 1024): true,
		"raw-data/" + strings.Repeat("x", 1025): false,
		"":                                      false,
		"raw-data":                              false,
		"raw-data/":                             false,
		"raw-data/a/":                           false,
		"raw-data//a":                           false,
		"/raw-data/a":                           false,
		"raw-data/../a":                         false,
		"raw-data/a/..":                         false,
		"raw-data/./a":                          false,
		"../raw-data/a":                         false,
		".tmp/a":                                false,
		"ab/a":                                  false,
		"Raw-Data/a":                            false,
		"-raw/a":                                false,
		"raw--data/a":                           false,
		"raw-data/a\x00b":                       false,
		"raw-data/a\nb":                         false,
		"raw-data/a\x7fb":                       false,
		"raw-data/gr\xf6sse":                    false,
	} {
		if err := blobstore.CheckName(name); (err == nil) != ok || err != nil && !errors.Is(err, blobstore.ErrInvalidName) {
			t.Errorf("CheckName(%.40q) = %v, want valid %v", name, err, ok)
		}
	}
}

func TestCheckPrefix(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"forecasts/":        true,
		"forecasts/runs":    true,
		"forecasts/runs/":   true,
		"forecasts/runs/.":  true,
		"forecasts/runs/..": true,
		"forecasts":         false,
		"":                  false,
		"/":                 false,
		"forecasts//":       false,
		"forecasts/../a":    false,
		"forecasts/a/./":    false,
		".lock/":            false,
	} {
		if err := blobstore.CheckPrefix(prefix); (err == nil) != ok || err != nil && !errors.Is(err, blobstore.ErrInvalidName) {
			t.Errorf("CheckPrefix(%q) = %v, want valid %v", prefix, err, ok)
		}
	}
}

// Any accepted name stays inside the folder it is joined to.
func FuzzCheckName(f *testing.F) {
	f.Add("raw-data/incoming/a.csv")
	f.Add("raw-data/../../etc/passwd")
	f.Fuzz(func(t *testing.T, name string) {
		if blobstore.CheckName(name) != nil {
			return
		}
		if container, blob := blobstore.Split(name); container+"/"+blob != name {
			t.Errorf("Split(%q) = %q, %q", name, container, blob)
		}
		for e := range strings.SplitSeq(name, "/") {
			if e == "" || e == "." || e == ".." {
				t.Errorf("accepted %q", name)
			}
		}
		if err := blobstore.CheckPrefix(name); err != nil {
			t.Errorf("a name is a prefix: %v", err)
		}
	})
}
