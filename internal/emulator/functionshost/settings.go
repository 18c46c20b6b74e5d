package functionshost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// settings are the parts of host.json that this host honours, with the host's defaults.
type settings struct {
	FunctionTimeout    time.Duration
	InitTimeout        time.Duration
	TimeoutGrace       time.Duration
	Executable         string
	Arguments          []string
	Proxying           bool
	MaxConcurrentCalls int
	MaxBatch           int
	MaxRenewal         time.Duration
}

// unbounded is what functionTimeout -1 comes to in the host's HTTP client: about 24.8 days.
const unbounded = (1<<31 - 1) * time.Millisecond

func readSettings(app fs.FS) (settings, error) {
	if app == nil {
		return settings{}, errors.New("functions host: no app")
	}
	data, err := fs.ReadFile(app, "host.json")
	if err != nil {
		return settings{}, fmt.Errorf("read host.json: %w", err)
	}
	set, err := parseSettings(data)
	if err != nil {
		return settings{}, fmt.Errorf("host.json: %w", err)
	}
	return set, nil
}

func parseSettings(data []byte) (settings, error) {
	var host struct {
		Version         string
		FunctionTimeout string
		CustomHandler   *struct {
			Description struct {
				DefaultExecutablePath string
				Arguments             []string
			}
			EnableProxyingHTTPRequest bool `json:"enableProxyingHttpRequest"`
			InitializationTimeout     string
		}
		Extensions struct {
			ServiceBus struct {
				PrefetchCount              int
				MaxConcurrentCalls         *int
				MaxAutoLockRenewalDuration string
				MaxMessageBatchSize        *int
				AutoCompleteMessages       *bool
			}
		}
	}
	if err := json.Unmarshal(data, &host); err != nil {
		return settings{}, err
	}
	bus := host.Extensions.ServiceBus
	switch {
	case host.Version != "2.0":
		return settings{}, fmt.Errorf("version %q, not 2.0", host.Version)
	case host.CustomHandler == nil || host.CustomHandler.Description.DefaultExecutablePath == "":
		return settings{}, errors.New("customHandler.description.defaultExecutablePath is missing")
	case bus.PrefetchCount != 0:
		return settings{}, fmt.Errorf("extensions.serviceBus.prefetchCount %d; only 0 is supported, prefetched locks run down", bus.PrefetchCount)
	case bus.AutoCompleteMessages != nil && !*bus.AutoCompleteMessages:
		return settings{}, errors.New("extensions.serviceBus.autoCompleteMessages false: a custom handler cannot complete messages itself")
	}
	set := settings{
		FunctionTimeout:    30 * time.Minute,
		InitTimeout:        30 * time.Second,
		TimeoutGrace:       2 * time.Second,
		Executable:         host.CustomHandler.Description.DefaultExecutablePath,
		Arguments:          host.CustomHandler.Description.Arguments,
		Proxying:           host.CustomHandler.EnableProxyingHTTPRequest,
		MaxConcurrentCalls: 16 * runtime.NumCPU(),
		MaxBatch:           1000,
		MaxRenewal:         5 * time.Minute,
	}
	var errs []error
	span := func(name, text string, to *time.Duration) {
		if text == "" {
			return
		}
		d, err := parseSpan(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return
		}
		*to = d
	}
	if host.FunctionTimeout == "-1" {
		host.FunctionTimeout, set.FunctionTimeout = "", unbounded
	}
	span("functionTimeout", host.FunctionTimeout, &set.FunctionTimeout)
	span("customHandler.initializationTimeout", host.CustomHandler.InitializationTimeout, &set.InitTimeout)
	span("extensions.serviceBus.maxAutoLockRenewalDuration", bus.MaxAutoLockRenewalDuration, &set.MaxRenewal)
	count := func(name string, v, to *int) {
		if v == nil {
			return
		}
		if *v < 1 {
			errs = append(errs, fmt.Errorf("extensions.serviceBus.%s is %d; at least 1", name, *v))
		}
		*to = *v
	}
	count("maxConcurrentCalls", bus.MaxConcurrentCalls, &set.MaxConcurrentCalls)
	count("maxMessageBatchSize", bus.MaxMessageBatchSize, &set.MaxBatch)
	if set.FunctionTimeout < time.Second {
		errs = append(errs, fmt.Errorf("functionTimeout %v; at least 1 s, or -1", set.FunctionTimeout))
	}
	return set, errors.Join(errs...)
}

func (s *settings) override(cfg Config) {
	for _, o := range []struct{ from, to *time.Duration }{
		{&cfg.FunctionTimeout, &s.FunctionTimeout},
		{&cfg.InitTimeout, &s.InitTimeout},
		{&cfg.TimeoutGrace, &s.TimeoutGrace},
	} {
		if *o.from > 0 {
			*o.to = *o.from
		}
	}
}

// command is what host.json starts: a file of the app root if there is one of that name,
// else a command to be found on PATH.
func (s settings) command(dir string) ([]string, error) {
	path := s.Executable
	if dir != "" && !filepath.IsAbs(path) {
		abs, err := filepath.Abs(filepath.Join(dir, path))
		if err != nil {
			return nil, fmt.Errorf("app root %s: %w", dir, err)
		}
		if _, err := os.Stat(abs); err == nil {
			path = abs
		}
	}
	return append([]string{path}, s.Arguments...), nil
}

// parseSpan reads a .NET time span, [d.]hh:mm:ss[.fffffff].
func parseSpan(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no time span; write [d.]hh:mm:ss", text)
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return 0, bad
	}
	days, hours, dotted := strings.Cut(parts[0], ".")
	if !dotted {
		days, hours = "0", parts[0]
	}
	var total time.Duration
	for _, field := range []struct {
		text string
		unit time.Duration
		max  uint64
	}{{days, 24 * time.Hour, 10_000}, {hours, time.Hour, 23}, {parts[1], time.Minute, 59}} {
		n, err := strconv.ParseUint(field.text, 10, 32)
		if err != nil || n > field.max {
			return 0, bad
		}
		total += time.Duration(n) * field.unit
	}
	whole, fraction, _ := strings.Cut(parts[2], ".")
	seconds, err := strconv.ParseUint(whole, 10, 32)
	if err != nil || seconds > 59 || len(fraction) > 7 {
		return 0, bad
	}
	ticks, err := strconv.ParseUint((fraction + "0000000")[:7], 10, 32)
	if err != nil {
		return 0, bad
	}
	return total + time.Duration(seconds)*time.Second + time.Duration(ticks)*100, nil
}
