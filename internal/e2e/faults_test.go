package e2e

import "testing"

// The digest is the same whatever goes wrong on the way.
func TestDigestSurvivesFaults(t *testing.T) {
	t.Parallel()
	file := salesFile(t, 3)
	want, _ := forecast(t, file, "--instances", "1")
	cases := []struct {
		name string
		args []string
	}{
		{"eight workers", []string{"--instances", "8"}},
		{"everything delivered three times and out of order", []string{"--faults", "seed=1,duplicate=2,delay=300ms"}},
		{"events lost", []string{"--faults", "seed=2,lose=0.25"}},
		{"every event lost", []string{"--faults", "seed=3,lose=1"}},
		{"workers killed", []string{"--instances", "4", "--faults", "seed=4,kill=300ms"}},
		{"all of it", []string{"--instances", "4", "--faults", "seed=5,duplicate=2,delay=300ms,lose=0.25,kill=500ms"}},
	}
	on := func(where string, flags func(t *testing.T) []string) {
		for _, c := range cases {
			t.Run(c.name+where, func(t *testing.T) {
				got, _ := forecast(t, file, append(flags(t), c.args...)...)
				if got.Digest != want.Digest || got.Series != want.Series {
					t.Errorf("digest %s, series %+v; want %s, %+v", got.Digest, got.Series, want.Digest, want.Series)
				}
			})
		}
	}
	on("", func(*testing.T) []string { return nil })
	on(" on Azurite", func(t *testing.T) []string { return []string{"--azurite=" + azuriteProgram(t)} })
}
