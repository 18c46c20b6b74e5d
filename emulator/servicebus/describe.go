package servicebus

import (
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/atom"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
)

// forever is how .NET writes a duration without end.
const forever = "P10675199DT2H48M5.4775807S"

// isoText writes a duration as XML Schema does; none is for ever.
func isoText(d time.Duration) *string {
	if d <= 0 {
		return new(forever)
	}
	s := d.String() // 1h30m0s
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return new("PT" + strings.ToUpper(s))
}

// entry describes an entity, counts included; emu is held.
func (s *Server) entry(e *entity) *atom.Entry {
	d := e.described
	q := e.settings
	st := e.q.Stats()
	size := st.Bytes
	d.LockDuration, d.DefaultMessageTimeToLive = isoText(q.LockDuration), isoText(q.TimeToLive)
	duplicates := q.DuplicateWindow > 0
	window := q.DuplicateWindow
	if !duplicates {
		window = defaultDuplicateWindow
	}
	megabytes, kilobytes := q.MaxSize>>20, int64(q.MaxMessageSize>>10)
	d.RequiresDuplicateDetection, d.DuplicateDetectionHistoryTimeWindow = &duplicates, isoText(window)
	d.RequiresSession, d.DeadLetteringOnMessageExpiration, d.MaxDeliveryCount = &q.Sessions, &q.DeadLetterExpired, &q.MaxDeliveryCount
	d.MaxSizeInMegabytes, d.MaxMessageSizeInKilobytes = &megabytes, &kilobytes
	for _, f := range []struct {
		to  **string
		def string
	}{{&d.Status, "Active"}, {&d.AutoDeleteOnIdle, forever}} {
		if *f.to == nil {
			*f.to = new(f.def)
		}
	}
	yes, no := true, false
	for to, def := range map[**bool]*bool{&d.EnableBatchedOperations: &yes, &d.SupportOrdering: &yes, &d.EnablePartitioning: &no, &d.EnableExpress: &no} {
		if *to == nil {
			*to = def
		}
	}
	d.DefaultRuleDescription = nil
	total := int64(st.Active + st.Locked + st.Deferred + st.Scheduled + st.DeadLettered + st.TransferDeadLettered)
	d.MessageCount, d.SizeInBytes = &total, &size
	d.CountDetails = &atom.Counts{
		Active: st.Active + st.Locked, DeadLetter: st.DeadLettered, Scheduled: st.Scheduled, TransferDeadLetter: st.TransferDeadLettered,
	}
	d.CreatedAt, d.UpdatedAt, d.AccessedAt = atom.Time(e.created), atom.Time(e.updated), atom.Time(e.updated)
	out := &atom.Entry{ID: e.name, Title: e.name, Updated: d.UpdatedAt}
	switch e.kind {
	case isTopic:
		d.LockDuration, d.MaxDeliveryCount, d.RequiresSession = nil, nil, nil
		s.countSubscriptions(e, &d)
		out.Content.Topic = &d
	case isSubscription:
		_, out.Title, _ = cutFold(e.name, "/subscriptions/")
		d.MaxSizeInMegabytes, d.MaxMessageSizeInKilobytes, d.RequiresDuplicateDetection, d.DuplicateDetectionHistoryTimeWindow = nil, nil, nil, nil
		out.Content.Subscription = &d
	case isQueue, isDeadLetter:
		out.Content.Queue = &d
	}
	out.Content.Mark()
	return out
}

// countSubscriptions adds to the description of a topic what its subscriptions are.
func (s *Server) countSubscriptions(topic *entity, d *atom.Description) {
	n, sql, correlation := 0, 0, 0
	for _, sub := range s.subscriptions(topic) {
		n++
		*d.SizeInBytes += sub.q.Stats().Bytes
		for _, r := range sub.rules.List() {
			if r.Filter.Kind == filter.ByCorrelation {
				correlation++
			} else {
				sql++
			}
		}
	}
	d.SubscriptionCount, d.SQLFilterCount, d.CorrelationFilterCount = &n, &sql, &correlation
}
