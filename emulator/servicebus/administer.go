package servicebus

import (
	"net/http"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/atom"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// put creates an entity, or changes one if the request says that there is one.
func (s *Server) put(r *http.Request, path string) (any, int, error) {
	body, err := readEntry(r)
	if err != nil {
		return nil, 0, err
	}
	update := r.Header.Get("If-Match") != ""
	s.emu.Lock()
	defer s.emu.Unlock()
	old := s.entities[amqp.Entity(path)]
	switch {
	case update && (old == nil || old.kind == isDeadLetter):
		return nil, 0, refuse(http.StatusNotFound, "Entity '%s' was not found.", path)
	case !update && old != nil:
		return nil, 0, refuse(http.StatusConflict, "SubCode=40900. Entity '%s' exists already.", path)
	}
	var e *entity
	c := body.Content
	switch {
	case update:
		e, err = s.change(old, c)
	case c.Queue != nil:
		q, bad := applyTo(Queue{Name: path}, c.Queue)
		if bad != nil {
			return nil, 0, bad
		}
		e, err = s.addQueue(q)
	case c.Topic != nil:
		q, bad := applyTo(Queue{Name: path}, c.Topic)
		if bad != nil {
			return nil, 0, bad
		}
		e, err = s.addTopic(Topic{Name: path, DuplicateWindow: q.DuplicateWindow, TimeToLive: q.TimeToLive, MaxMessageSize: q.MaxMessageSize, MaxSize: q.MaxSize})
	case c.Subscription != nil:
		e, err = s.createSubscription(path, c.Subscription)
	default:
		err = refuse(http.StatusBadRequest, "the entry has no description of a queue, topic or subscription")
	}
	if err != nil {
		return nil, 0, err
	}
	if !update {
		if err := s.forward(e); err != nil {
			s.forget(e)
			return nil, 0, err
		}
		e.described = describedBy(c)
		return s.entry(e), http.StatusCreated, nil
	}
	return s.entry(e), http.StatusOK, nil
}

func describedBy(c atom.Content) atom.Description {
	for _, d := range []*atom.Description{c.Queue, c.Topic, c.Subscription} {
		if d != nil {
			return *d
		}
	}
	return atom.Description{}
}

func (s *Server) createSubscription(path string, d *atom.Description) (*entity, error) {
	topicPath, name, _ := cutFold(path, "/subscriptions/")
	topic := s.entities[amqp.Entity(topicPath)]
	if topic == nil || topic.kind != isTopic {
		return nil, refuse(http.StatusNotFound, "Topic '%s' was not found.", topicPath)
	}
	q, err := applyTo(Queue{}, d)
	if err != nil {
		return nil, err
	}
	e, err := s.addSubscription(topic, Subscription{
		Name: name, LockDuration: q.LockDuration, MaxDeliveryCount: q.MaxDeliveryCount, TimeToLive: q.TimeToLive,
		DeadLetterExpired: q.DeadLetterExpired, Sessions: q.Sessions, ForwardTo: q.ForwardTo, ForwardDeadLettersTo: q.ForwardDeadLettersTo,
	})
	if err != nil || d.DefaultRuleDescription == nil {
		return e, err
	}
	rule, err := atom.ReadRule(d.DefaultRuleDescription)
	if rule.Name == "" {
		rule.Name = filter.DefaultRule
	}
	rule.Since = s.now()
	if err == nil {
		err = e.rules.Reset([]filter.Rule{rule})
	}
	if err != nil {
		s.forget(e)
	}
	return e, err
}

// cutFold is strings.Cut for separators that do not differ in case.
func cutFold(s, sep string) (before, after string, found bool) {
	i := strings.Index(strings.ToLower(s), sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// change gives an entity other settings. Its messages stay, its links are detached, as in
// the service.
func (s *Server) change(old *entity, c atom.Content) (*entity, error) {
	d := describedBy(c)
	settings, err := applyTo(old.settings, &d)
	if err != nil {
		return nil, err
	}
	if settings.Sessions != old.settings.Sessions || (settings.DuplicateWindow > 0) != (old.settings.DuplicateWindow > 0) {
		return nil, refuse(http.StatusBadRequest, "SubCode=40000. sessions and duplicate detection of '%s' cannot be changed", old.name)
	}
	settings.DuplicateWindow = old.settings.DuplicateWindow
	if err := settings.check(old.name); err != nil {
		return nil, err
	}
	changed := *old
	changed.settings, changed.maxMessage, changed.described, changed.updated = settings, settings.MaxMessageSize, d, s.now()
	s.entities[old.address] = &changed
	if err := s.forward(&changed); err != nil {
		s.entities[old.address] = old
		return nil, err
	}
	changed.q.Configure(settings.config())
	s.detachAll(&amqp.Error{Condition: "amqp:link:detach-forced", Description: "the entity " + old.name + " was changed"}, changed.q)
	return &changed, nil
}

// remove deletes an entity with what belongs to it.
func (s *Server) remove(path string) error {
	s.emu.Lock()
	defer s.emu.Unlock()
	e := s.entities[amqp.Entity(path)]
	if e == nil || e.kind == isDeadLetter {
		return refuse(http.StatusNotFound, "Entity '%s' was not found.", path)
	}
	if e.kind == isTopic {
		for _, sub := range s.subscriptions(e) {
			s.forget(sub)
		}
	}
	s.forget(e)
	return nil
}

// forget deletes one entity and ends its links.
func (s *Server) forget(e *entity) {
	for _, suffix := range []string{"", deadLetterSuffix, transferSuffix} {
		delete(s.entities, e.address+strings.ToLower(suffix))
	}
	if topic, _, ok := cutFold(e.address, "/subscriptions/"); ok && s.entities[topic] != nil {
		s.entities[topic].topic.Unsubscribe(e.q)
	}
	for _, other := range s.entities {
		// What forwarded to it has nowhere to go: it keeps its messages.
		if amqp.Entity(other.settings.ForwardTo) == e.address && other.kind != isDeadLetter {
			_ = other.q.ForwardTo(nil)
		}
		if amqp.Entity(other.settings.ForwardDeadLettersTo) == e.address && other.kind != isDeadLetter {
			other.q.ForwardDeadLettersTo(nil)
		}
	}
	s.detachAll(notFound(e.name), e.q, e.q.DeadLetter(), e.q.Transfer())
	s.space.Delete(e.q)
}

// detachAll ends every link to the given queues.
func (s *Server) detachAll(why *amqp.Error, queues ...*queue.Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.detach(why, queues)
	}
}

func (c *conn) detach(why *amqp.Error, queues []*queue.Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		for _, l := range s.links {
			for _, q := range queues {
				switch {
				case l.e == nil || l.e.q != q:
				case l.accept != nil:
					reply := l.accept.reply
					s.drop(l)
					s.refuse(reply, why)
				default:
					s.detachLink(l, why)
				}
			}
		}
	}
}

// applyTo changes settings as a description says; what it does not say stays.
func applyTo(q Queue, d *atom.Description) (Queue, error) {
	for _, f := range []struct {
		text *string
		to   *time.Duration
	}{{d.LockDuration, &q.LockDuration}, {d.DefaultMessageTimeToLive, &q.TimeToLive}} {
		if f.text != nil {
			v, err := parseISO(*f.text)
			if err != nil {
				return q, err
			}
			*f.to = v
		}
	}
	if d.RequiresDuplicateDetection != nil {
		q.DuplicateWindow = 0
		if *d.RequiresDuplicateDetection {
			q.DuplicateWindow = defaultDuplicateWindow
			if d.DuplicateDetectionHistoryTimeWindow != nil {
				var err error
				if q.DuplicateWindow, err = parseISO(*d.DuplicateDetectionHistoryTimeWindow); err != nil {
					return q, err
				}
			}
		}
	}
	set(&q.Sessions, d.RequiresSession)
	set(&q.DeadLetterExpired, d.DeadLetteringOnMessageExpiration)
	set(&q.MaxDeliveryCount, d.MaxDeliveryCount)
	set(&q.ForwardTo, d.ForwardTo)
	set(&q.ForwardDeadLettersTo, d.ForwardDeadLetteredMessagesTo)
	if d.MaxSizeInMegabytes != nil {
		q.MaxSize = *d.MaxSizeInMegabytes << 20
	}
	if d.MaxMessageSizeInKilobytes != nil && *d.MaxMessageSizeInKilobytes <= MaxMessageSizeLimit>>10 {
		q.MaxMessageSize = int(*d.MaxMessageSizeInKilobytes << 10)
	}
	return q, nil
}

const defaultDuplicateWindow = 10 * time.Minute

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}
