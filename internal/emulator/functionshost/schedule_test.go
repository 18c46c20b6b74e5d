package functionshost

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestScheduleOccurrences(t *testing.T) {
	for _, c := range []struct {
		schedule, after string
		want            []string
	}{
		{"0 */5 * * * *", "2026-11-23 10:04:05", []string{"2026-11-23 10:05:00", "2026-11-23 10:10:00", "2026-11-23 10:15:00"}},
		{"0 */5 * * * *", "2026-12-31 23:55:00", []string{"2027-01-01 00:00:00"}},
		{"*/10 * * * * *", "2026-11-23 10:04:05", []string{"2026-11-23 10:04:10", "2026-11-23 10:04:20"}},
		{"30 59 23 31 12 *", "2026-01-01 00:00:00", []string{"2026-12-31 23:59:30", "2027-12-31 23:59:30"}},
		{"0 0 6 * * mon-fri", "2026-11-20 06:00:00", []string{"2026-11-23 06:00:00", "2026-11-24 06:00:00"}},
		{"0 0 0 29 feb *", "2096-03-01 00:00:00", []string{"2104-02-29 00:00:00"}},
		{"0 0 0 13 * 5", "2026-01-01 00:00:00", []string{"2026-02-13 00:00:00", "2026-03-13 00:00:00", "2026-11-13 00:00:00"}},
		{"5,15 1-3 2/8 * Jan,jul *", "2026-06-30 00:00:00", []string{"2026-07-01 02:01:05", "2026-07-01 02:01:15", "2026-07-01 02:02:05"}},
		{"00:05:00", "2026-11-23 10:04:05", []string{"2026-11-23 10:09:05"}},
	} {
		s, err := parseSchedule(c.schedule)
		if err != nil {
			t.Errorf("%s: %v", c.schedule, err)
			continue
		}
		now := at(c.after)
		for _, want := range c.want {
			if now = s.next(now); !now.Equal(at(want)) {
				t.Errorf("%s: got %v, want %s", c.schedule, now, want)
				break
			}
		}
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "* * * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *", "* * * * * 7",
		"*/0 * * * * *", "*/x * * * * *", "5-1 * * * * *", "a * * * * *", "1- * * * * *", ", * * * * *", "* * * * xyz *",
		"* * * * anf *", "0 0 0 31 2 *", "00:00:00", "5m",
	} {
		if _, err := parseSchedule(bad); err == nil || !strings.Contains(err.Error(), "schedule") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"0 */5 * * * *", "1,2-3 */7 4/2 * jan-dec sun", "01:00:00", "0 0 0 29 2 1"} {
		f.Add(seed)
	}
	after := at("2026-11-23 10:04:05")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSchedule(text)
		if err != nil {
			return
		}
		// Two 29ths of February that are also a given weekday lie up to 40 years apart, which
		// next does not look for.
		if next := s.next(after); !next.IsZero() && !next.After(after) {
			t.Errorf("%q: %v is not after %v", text, next, after)
		}
	})
}

// TestTimerTicks runs the loop on a false clock and notes when it fired and with what status.
func TestTimerTicks(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule string
		atStart  bool
		monitor  bool
		takes    time.Duration // each invocation
		runFor   time.Duration
		want     []string
	}{
		{
			"monitored, from the start", "0 */5 * * * *", true, true, 0, 11 * time.Minute,
			[]string{"0s last never next 5m0s", "5m0s last 0s next 5m0s", "10m0s last 5m0s next 10m0s"},
		},
		{"without a first tick", "0 */5 * * * *", false, true, 0, 6 * time.Minute, []string{"5m0s last never next 5m0s"}},
		{"unmonitored", "0 * * * * *", false, false, 0, 2*time.Minute + time.Second, []string{"1m0s none", "2m0s none"}},
		{"under a minute", "*/30 * * * * *", true, true, 0, time.Minute + time.Second, []string{"0s none", "30s none", "1m0s none"}},
		{"slow invocations never overlap", "0 * * * * *", false, false, 90 * time.Second, 6 * time.Minute, []string{"1m0s none", "3m0s none", "5m0s none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now().Truncate(time.Hour)
				if !start.Equal(time.Now()) {
					t.Fatal("the bubble's clock does not start at a full hour")
				}
				s, err := parseSchedule(c.schedule)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				since := func(x time.Time) string {
					if x.IsZero() {
						return "never"
					}
					return x.Sub(start).String()
				}
				ctx, cancel := context.WithTimeout(t.Context(), c.runFor)
				defer cancel()
				timer{
					schedule: s, atStart: c.atStart, monitor: c.monitor, now: time.Now,
					fire: func(status *scheduleStatus, pastDue bool) {
						line := since(time.Now()) + " none"
						if status != nil {
							line = since(time.Now()) + " last " + since(status.last) + " next " + since(status.next)
						}
						got = append(got, line)
						time.Sleep(c.takes) // the bubble's clock
						if pastDue {
							t.Error("past due")
						}
					},
				}.run(ctx)
				if !slices.Equal(got, c.want) {
					t.Errorf("got  %q\nwant %q", got, c.want)
				}
			})
		})
	}
}
