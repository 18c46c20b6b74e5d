package functionshost

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedule yields the occurrences of a timer, in UTC.
type schedule interface {
	next(after time.Time) time.Time
}

// every is a schedule by interval.
type every time.Duration

func (e every) next(after time.Time) time.Time { return after.Add(time.Duration(e)) }

// cron is an NCRONTAB expression: {second} {minute} {hour} {day} {month} {day of week}, a
// bit per allowed value. Unlike Unix cron, day and day of week must both match.
type cron struct{ second, minute, hour, day, month, weekday uint64 }

// parseSchedule reads what function.json allows: NCRONTAB with six fields, or a time span.
func parseSchedule(text string) (schedule, error) {
	if !strings.Contains(strings.TrimSpace(text), " ") {
		d, err := parseSpan(strings.TrimSpace(text))
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("schedule %q is neither six NCRONTAB fields nor a time span", text)
		}
		return every(d), nil
	}
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("schedule %q has %d fields; write {second} {minute} {hour} {day} {month} {day of week}", text, len(fields))
	}
	var c cron
	for n, f := range []struct {
		to       *uint64
		from, up int
		names    string // three letters each, from the lowest value
	}{
		{&c.second, 0, 59, ""},
		{&c.minute, 0, 59, ""},
		{&c.hour, 0, 23, ""},
		{&c.day, 1, 31, ""},
		{&c.month, 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
		{&c.weekday, 0, 6, "sunmontuewedthufrisat"},
	} {
		bits, err := parseField(fields[n], f.from, f.up, f.names)
		if err != nil {
			return nil, fmt.Errorf("schedule %q: field %d: %w", text, n+1, err)
		}
		*f.to = bits
	}
	if c.next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("schedule %q never occurs", text)
	}
	return c, nil
}

func parseField(text string, low, high int, names string) (uint64, error) {
	var bits uint64
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 || n > high {
				return 0, fmt.Errorf("step %q", stepText)
			}
			step = n
		}
		from, to := low, high
		if span != "*" {
			fromText, toText, ranged := strings.Cut(span, "-")
			var err error
			if from, err = parseValue(fromText, low, high, names); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = parseValue(toText, low, high, names); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		}
		if from > to {
			return 0, fmt.Errorf("range %q runs backwards", span)
		}
		for v := from; v <= to; v += step {
			bits |= 1 << v
		}
	}
	return bits, nil
}

func parseValue(text string, low, high int, names string) (int, error) {
	if len(text) == 3 && names != "" {
		if at := strings.Index(names, strings.ToLower(text)); at >= 0 && at%3 == 0 {
			return low + at/3, nil
		}
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < low || v > high {
		return 0, fmt.Errorf("value %q is not in %d…%d", text, low, high)
	}
	return v, nil
}

func has(bits uint64, v int) bool { return bits&(1<<v) != 0 }

// next returns the first occurrence after t, or the zero time if there is none within the
// eight years that can lie between two 29ths of February.
func (c cron) next(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Second).Add(time.Second)
	for limit := t.AddDate(8, 0, 1); t.Before(limit); {
		switch y, m, d := t.Date(); {
		case !has(c.month, int(m)):
			t = time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
		case !has(c.day, d) || !has(c.weekday, int(t.Weekday())):
			t = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
		case !has(c.hour, t.Hour()):
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !has(c.minute, t.Minute()):
			t = t.Truncate(time.Minute).Add(time.Minute)
		case !has(c.second, t.Second()):
			t = t.Add(time.Second)
		default:
			return t
		}
	}
	return time.Time{}
}
