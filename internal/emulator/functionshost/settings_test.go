package functionshost

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseSettings(t *testing.T) {
	ours, err := os.ReadFile("../../../host.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file string
		want       settings
	}{
		{"ours", string(ours), settings{
			FunctionTimeout: 30 * time.Minute, InitTimeout: 30 * time.Second, TimeoutGrace: 2 * time.Second,
			Executable: "functionapp", Proxying: true, MaxConcurrentCalls: 2, MaxBatch: 1000, MaxRenewal: 35 * time.Minute,
		}},
		{"defaults", `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}`, settings{
			FunctionTimeout: 30 * time.Minute, InitTimeout: 30 * time.Second, TimeoutGrace: 2 * time.Second,
			Executable: "h", MaxConcurrentCalls: 16 * runtime.NumCPU(), MaxBatch: 1000, MaxRenewal: 5 * time.Minute,
		}},
		{
			"all set", `{"version":"2.0","functionTimeout":"-1","customHandler":{"description":{"defaultExecutablePath":"h","arguments":["serve"]},` +
				`"initializationTimeout":"00:01:00"},"extensions":{"serviceBus":{"maxConcurrentCalls":1,"maxMessageBatchSize":7,"maxAutoLockRenewalDuration":"1.00:00:00.5"}}}`,
			settings{
				FunctionTimeout: unbounded, InitTimeout: time.Minute, TimeoutGrace: 2 * time.Second,
				Executable: "h", Arguments: []string{"serve"}, MaxConcurrentCalls: 1, MaxBatch: 7, MaxRenewal: 24*time.Hour + 500*time.Millisecond,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseSettings([]byte(c.file))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	const app = `"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}`
	for _, c := range []struct{ name, file, want string }{
		{"broken", `{`, "unexpected end"},
		{"version 1", `{"version":"1.0"}`, "not 2.0"},
		{"no handler", `{"version":"2.0"}`, "defaultExecutablePath"},
		{"bad time-out", `{` + app + `,"functionTimeout":"5m"}`, "functionTimeout"},
		{"short time-out", `{` + app + `,"functionTimeout":"00:00:00.5"}`, "at least 1 s"},
		{"prefetch", `{` + app + `,"extensions":{"serviceBus":{"prefetchCount":10}}}`, "prefetchCount"},
		{"own completion", `{` + app + `,"extensions":{"serviceBus":{"autoCompleteMessages":false}}}`, "autoComplete"},
		{"no concurrency", `{` + app + `,"extensions":{"serviceBus":{"maxConcurrentCalls":0}}}`, "maxConcurrentCalls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := parseSettings([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:30:00": 30 * time.Minute, "23:59:59": 24*time.Hour - time.Second, "2.01:00:00": 49 * time.Hour,
		"00:00:00.0000001": 100, "00:00:01.5": 1500 * time.Millisecond,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "30", "1:2", "24:00:00", "00:60:00", "00:00:60", "-00:00:01", "00:00:01.12345678", "a.00:00:00", "00:00:00.x", ".00:00:00"} {
		if got, err := parseSpan(bad); err == nil {
			t.Errorf("%q was accepted as %v", bad, got)
		}
	}
}

func TestCommandPrefersTheAppRoot(t *testing.T) {
	dir := t.TempDir()
	s := settings{Executable: "functionapp", Arguments: []string{"serve"}}
	if got, err := s.command(dir); err != nil || got[0] != "functionapp" {
		t.Errorf("without the file: got %v, %v; want a command on PATH", got, err)
	}
	path := filepath.Join(dir, "functionapp")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.command(dir); err != nil || !reflect.DeepEqual(got, []string{path, "serve"}) {
		t.Errorf("with the file: got %v, %v", got, err)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add(`{"version":"2.0","functionTimeout":"00:30:00","customHandler":{"description":{"defaultExecutablePath":"h"}}}`)
	f.Fuzz(func(t *testing.T, file string) {
		got, err := parseSettings([]byte(file))
		if err == nil && (got.FunctionTimeout < time.Second || got.Executable == "" || got.MaxBatch < 1) {
			t.Errorf("%s became %+v", file, got)
		}
	})
}
