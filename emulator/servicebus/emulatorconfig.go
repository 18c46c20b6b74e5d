package servicebus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Defaults of Microsoft's emulator where they differ from the service's.
const (
	emulatorMaxDeliveryCount = 3
	emulatorTimeToLive       = time.Hour
	emulatorDuplicateWindow  = 20 * time.Second
	maxConfigSize            = 16 << 20 // bytes
)

// emulatorConfig is the Config.json of Microsoft's emulator.
type emulatorConfig struct {
	UserConfig struct {
		Namespaces []struct {
			Name   string
			Queues []struct {
				Name       string
				Properties emulatorProperties
			}
			Topics []struct {
				Name          string
				Properties    emulatorProperties
				Subscriptions []struct {
					Name       string
					Properties emulatorProperties
					Rules      []emulatorRule
				}
			}
		}
	}
}

// emulatorProperties are those of queues, topics and subscriptions, which have most in
// common.
type emulatorProperties struct {
	DeadLetteringOnMessageExpiration    bool
	DefaultMessageTimeToLive            isoDuration
	DuplicateDetectionHistoryTimeWindow isoDuration
	ForwardDeadLetteredMessagesTo       string
	ForwardTo                           string
	LockDuration                        isoDuration
	MaxDeliveryCount                    int
	RequiresDuplicateDetection          bool
	RequiresSession                     bool
}

type emulatorRule struct {
	Name       string
	Properties struct {
		FilterType        string
		CorrelationFilter *struct {
			ContentType, CorrelationID, Label, MessageID, ReplyTo string
			ReplyToSessionID, SessionID, To                       string
			Properties                                            map[string]any
		}
		SqlFilter *struct{ SqlExpression string } //nolint:revive // the name in the file
		Action    *struct{ SqlExpression string } //nolint:revive // the name in the file
	}
}

// ReadConfig reads the queues and topics of a Config.json of Microsoft's emulator. What
// the file leaves out has that emulator's defaults (3 deliveries, a life of an hour); its
// limits are not enforced, and keys that have no meaning here are ignored.
func ReadConfig(r io.Reader) (Config, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxConfigSize+1))
	if err != nil {
		return Config{}, fmt.Errorf("servicebus: read the configuration: %w", err)
	}
	if len(raw) > maxConfigSize {
		return Config{}, fmt.Errorf("servicebus: the configuration is larger than %d bytes", maxConfigSize)
	}
	var file emulatorConfig
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &file); err != nil {
		return Config{}, fmt.Errorf("servicebus: configuration: %w", err)
	}
	if n := len(file.UserConfig.Namespaces); n != 1 {
		return Config{}, fmt.Errorf("servicebus: configuration: UserConfig.Namespaces has %d entries; it needs exactly one", n)
	}
	ns := file.UserConfig.Namespaces[0]
	var cfg Config
	for _, q := range ns.Queues {
		cfg.Queues = append(cfg.Queues, q.Properties.queue(q.Name))
	}
	var errs []error
	for _, t := range ns.Topics {
		p := t.Properties.queue(t.Name)
		topic := Topic{Name: t.Name, DuplicateWindow: p.DuplicateWindow, TimeToLive: p.TimeToLive}
		for _, s := range t.Subscriptions {
			p := s.Properties.queue(s.Name)
			sub := Subscription{
				Name: p.Name, LockDuration: p.LockDuration, MaxDeliveryCount: p.MaxDeliveryCount,
				TimeToLive: p.TimeToLive, DeadLetterExpired: p.DeadLetterExpired, Sessions: p.Sessions,
				ForwardTo: p.ForwardTo, ForwardDeadLettersTo: p.ForwardDeadLettersTo,
			}
			for _, r := range s.Rules {
				rule, err := r.rule()
				if err != nil {
					errs = append(errs, fmt.Errorf("servicebus: configuration: subscription %s of topic %s: %w", s.Name, t.Name, err))
				}
				sub.Rules = append(sub.Rules, rule)
			}
			topic.Subscriptions = append(topic.Subscriptions, sub)
		}
		cfg.Topics = append(cfg.Topics, topic)
	}
	return cfg, errors.Join(errs...)
}

func (p emulatorProperties) queue(name string) Queue {
	q := Queue{
		Name: name, LockDuration: p.LockDuration.or(DefaultLockDuration), MaxDeliveryCount: p.MaxDeliveryCount,
		TimeToLive: p.DefaultMessageTimeToLive.or(emulatorTimeToLive), DeadLetterExpired: p.DeadLetteringOnMessageExpiration,
		Sessions: p.RequiresSession, ForwardTo: p.ForwardTo, ForwardDeadLettersTo: p.ForwardDeadLetteredMessagesTo,
	}
	setDefault(&q.MaxDeliveryCount, emulatorMaxDeliveryCount)
	if p.RequiresDuplicateDetection {
		q.DuplicateWindow = p.DuplicateDetectionHistoryTimeWindow.or(emulatorDuplicateWindow)
	}
	return q
}

func (r emulatorRule) rule() (Rule, error) {
	out := Rule{Name: r.Name}
	if r.Properties.Action != nil {
		out.Action = r.Properties.Action.SqlExpression
	}
	f := r.Properties.CorrelationFilter
	switch kind := r.Properties.FilterType; {
	case strings.EqualFold(kind, "Sql") && r.Properties.SqlFilter != nil:
		out.SQL = r.Properties.SqlFilter.SqlExpression
	case strings.EqualFold(kind, "Correlation") && f != nil:
		out.Correlation = &CorrelationFilter{
			MessageID: f.MessageID, CorrelationID: f.CorrelationID, To: f.To, ReplyTo: f.ReplyTo, Subject: f.Label,
			SessionID: f.SessionID, ReplyToSessionID: f.ReplyToSessionID, ContentType: f.ContentType, Properties: f.Properties,
		}
	default:
		return out, fmt.Errorf("rule %s: filter type %.40q; Sql with SqlFilter and Correlation with CorrelationFilter are", r.Name, kind)
	}
	return out, nil
}

// isoDuration is a duration as XML Schema writes it, for instance PT1M30S.
type isoDuration struct {
	d   time.Duration
	set bool
}

func (d isoDuration) or(def time.Duration) time.Duration {
	if d.set {
		return d.d
	}
	return def
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *isoDuration) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	v, err := parseISO(s)
	*d = isoDuration{v, true}
	return err
}

var isoPattern = regexp.MustCompile(`^P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$`)

// foreverFrom is from where on a duration, which .NET writes as P10675199DT2H48M5.4775807S,
// means that there is no end.
const foreverFrom = 200 * 365 * 24 * time.Hour

// parseISO reads a duration of at most 200 years; a longer one is 0, for ever. A year has
// 365 days and a month 30.
func parseISO(s string) (time.Duration, error) {
	m := isoPattern.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || s == "P" {
		return 0, fmt.Errorf("duration %.40q; PT1M or P1DT2H30M are", s)
	}
	const day = 24 * time.Hour
	total := 0.0
	for i, unit := range []time.Duration{365 * day, 30 * day, day, time.Hour, time.Minute, time.Second} {
		if m[i+1] != "" {
			n, err := strconv.ParseFloat(m[i+1], 64)
			if err != nil {
				return 0, fmt.Errorf("duration %.40q: %w", s, err)
			}
			total += n * float64(unit)
		}
	}
	if total > float64(foreverFrom) {
		return 0, nil
	}
	return time.Duration(total), nil
}
