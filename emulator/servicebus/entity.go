package servicebus

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/atom"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

type entityKind uint8

const (
	isQueue entityKind = iota
	isTopic
	isSubscription
	isDeadLetter // or transfer dead letters: receive only
)

// entity is an address that messages are sent to or received from.
type entity struct {
	kind       entityKind
	name       string
	address    string // in lower case
	q          *queue.Queue
	topic      *queue.Topic  // of a topic
	rules      *filter.Rules // of a subscription
	configured string        // its rules when it was made, as text
	settings   Queue         // with defaults
	maxMessage int
	created    time.Time
	updated    time.Time
	described  atom.Description // as its creator described it; settings tell what of it is in force
}

const (
	deadLetterSuffix = "/$DeadLetterQueue"
	transferSuffix   = "/$Transfer/$DeadLetterQueue"
)

// addAll creates what a configuration names.
func (s *Server) addAll(cfg Config) error {
	var errs []error
	for _, q := range cfg.Queues {
		_, err := s.addQueue(q)
		errs = append(errs, err)
	}
	for _, t := range cfg.Topics {
		te, err := s.addTopic(t)
		errs = append(errs, err)
		if err != nil {
			continue
		}
		for _, sub := range t.Subscriptions {
			_, err := s.addSubscription(te, sub)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// claim checks that an address is free.
func (s *Server) claim(what, name string) (address string, err error) {
	address = amqp.Entity(name)
	if s.entities[address] != nil {
		return "", fmt.Errorf("%s %s is configured twice; names differ in more than case", what, name)
	}
	return address, nil
}

func (s *Server) addQueue(q Queue) (*entity, error) {
	q, err := q.withDefaults()
	if err != nil {
		return nil, err
	}
	address, err := s.claim("queue", q.Name)
	if err != nil {
		return nil, err
	}
	e := &entity{kind: isQueue, name: q.Name, address: address, q: s.space.New(address, q.config()), settings: q}
	s.enter(e)
	return e, nil
}

func (s *Server) addTopic(t Topic) (*entity, error) {
	q, err := t.queue().withDefaults()
	if err != nil {
		return nil, fmt.Errorf("topic: %w", err)
	}
	address, err := s.claim("topic", q.Name)
	if err != nil {
		return nil, err
	}
	topic := s.space.NewTopic(address, q.config())
	e := &entity{kind: isTopic, name: q.Name, address: address, q: topic.Queue, topic: topic, settings: q}
	s.enter(e)
	return e, nil
}

func (s *Server) addSubscription(topic *entity, sub Subscription) (*entity, error) {
	if err := checkName("subscription", sub.Name, maxSubscriptionName); err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic.name, err)
	}
	q := sub.queue(topic.settings)
	setDefault(&q.LockDuration, DefaultLockDuration)
	setDefault(&q.MaxDeliveryCount, DefaultMaxDeliveryCount)
	if err := q.check("subscription " + q.Name); err != nil {
		return nil, err
	}
	address, err := s.claim("subscription", q.Name)
	if err != nil {
		return nil, err
	}
	list := make([]filter.Rule, len(sub.Rules))
	for i, r := range sub.Rules {
		list[i] = r.compile()
		list[i].Since = s.now()
	}
	configured, err := json.Marshal(sub.Rules)
	if err != nil {
		return nil, fmt.Errorf("subscription %s: rules: %w", q.Name, err)
	}
	rules, err := filter.NewRules(list)
	if err != nil {
		return nil, fmt.Errorf("subscription %s: %w", q.Name, err)
	}
	e := &entity{kind: isSubscription, name: q.Name, address: address, q: s.space.New(address, q.config()), rules: rules, settings: q, configured: string(configured)}
	s.enter(e)
	topic.topic.Subscribe(e.q, rules.Select)
	return e, nil
}

// enter makes an entity and its dead-letter queues known.
func (s *Server) enter(e *entity) {
	e.maxMessage, e.created = e.settings.MaxMessageSize, s.now()
	e.updated = e.created
	s.entities[e.address] = e
	for suffix, q := range map[string]*queue.Queue{deadLetterSuffix: e.q.DeadLetter(), transferSuffix: e.q.Transfer()} {
		address := e.address + strings.ToLower(suffix)
		s.entities[address] = &entity{
			kind: isDeadLetter, name: e.name + suffix, address: address, q: q, maxMessage: e.maxMessage,
		}
	}
}

func (q Queue) config() queue.Config {
	return queue.Config{
		Name: q.Name, LockDuration: q.LockDuration, MaxDeliveryCount: q.MaxDeliveryCount,
		DuplicateWindow: q.DuplicateWindow, MaxBytes: q.MaxSize, TimeToLive: q.TimeToLive,
		DeadLetterExpired: q.DeadLetterExpired, Sessions: q.Sessions,
	}
}

// connect has the entities forward to each other as configured, once they all exist.
func (s *Server) connect() error {
	var errs []error
	for _, e := range s.sorted() {
		if e.settings.ForwardTo == "" && e.settings.ForwardDeadLettersTo == "" {
			continue
		}
		errs = append(errs, s.forward(e))
	}
	return errors.Join(errs...)
}

func (s *Server) forward(e *entity) error {
	var to, dead *queue.Queue
	for _, f := range []struct {
		name string
		q    **queue.Queue
	}{{e.settings.ForwardTo, &to}, {e.settings.ForwardDeadLettersTo, &dead}} {
		if f.name == "" {
			continue
		}
		t := s.entities[amqp.Entity(f.name)]
		if t == nil || (t.kind != isQueue && t.kind != isTopic) {
			return fmt.Errorf("%s forwards to %s, which is no queue or topic", e.name, f.name)
		}
		*f.q = t.q
	}
	if hops := s.hops(e, map[*entity]bool{}); hops > maxForwards {
		return fmt.Errorf("%s forwards over more than %d queues, or in a circle", e.name, maxForwards)
	}
	if e.kind != isTopic {
		if err := e.q.ForwardTo(to); err != nil {
			return err
		}
	}
	e.q.ForwardDeadLettersTo(dead)
	return nil
}

// hops is the length of the longest way of a message that is sent to an entity, more than
// maxForwards if it has no end.
func (s *Server) hops(e *entity, on map[*entity]bool) int {
	if on[e] {
		return maxForwards + 1
	}
	on[e] = true
	defer delete(on, e)
	longest := 0
	for _, name := range []string{e.settings.ForwardTo, e.settings.ForwardDeadLettersTo} {
		if t := s.entities[amqp.Entity(name)]; name != "" && t != nil {
			longest = max(longest, 1+s.hops(t, on))
		}
	}
	if e.kind == isTopic {
		for _, sub := range s.subscriptions(e) {
			longest = max(longest, s.hops(sub, on))
		}
	}
	return min(longest, maxForwards+1)
}

func (s *Server) subscriptions(topic *entity) []*entity {
	var out []*entity
	prefix := topic.address + "/subscriptions/"
	for _, e := range s.sorted() {
		if e.kind == isSubscription && strings.HasPrefix(e.address, prefix) {
			out = append(out, e)
		}
	}
	return out
}

// sorted returns the entities in the order of their addresses.
func (s *Server) sorted() []*entity {
	out := make([]*entity, 0, len(s.entities))
	for _, e := range s.entities {
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].address < out[j].address })
	return out
}

// lookup finds an entity by its address in any form and case, or nil.
func (s *Server) lookup(address string) *entity {
	s.emu.RLock()
	defer s.emu.RUnlock()
	return s.entities[amqp.Entity(address)]
}

// resolve is lookup for a client: the queue that it names is made if the server is to.
func (s *Server) resolve(address string) *entity {
	if e := s.lookup(address); e != nil || !s.create {
		return e
	}
	s.emu.Lock()
	defer s.emu.Unlock()
	if e := s.entities[amqp.Entity(address)]; e != nil || s.created >= maxAutoCreated {
		return e
	}
	e, err := s.addQueue(Queue{Name: amqp.Entity(address)})
	if err != nil {
		return nil // not a name that a queue can have
	}
	s.created++
	return e
}

// Queues returns the names of the queues in order.
func (s *Server) Queues() []string { return s.names(isQueue) }

// Topics returns the names of the topics in order.
func (s *Server) Topics() []string { return s.names(isTopic) }

// Subscriptions returns the names of all subscriptions, as topic/Subscriptions/name, in
// order.
func (s *Server) Subscriptions() []string { return s.names(isSubscription) }

func (s *Server) names(kind entityKind) []string {
	s.emu.RLock()
	defer s.emu.RUnlock()
	var names []string
	for _, e := range s.sorted() {
		if e.kind == kind {
			names = append(names, e.name)
		}
	}
	sort.Strings(names)
	return names
}

// QueueStats counts the messages in a queue and those that have passed.
type QueueStats struct {
	Active, Locked, Deferred int   // messages present, by state
	Scheduled                int   // messages present that are not due yet
	DeadLettered             int   // messages present in the dead-letter queue
	TransferDeadLettered     int   // messages present that could not be forwarded
	Bytes                    int64 // of the messages present, dead letters excluded

	Sent, Duplicates     int64 // messages taken in, and those of them that were dropped as duplicates
	Delivered, Completed int64 // deliveries, repeats included; messages that left for good
	Abandoned, Released  int64 // settlements
	LocksExpired, Buried int64 // locks that ran out; messages moved to the dead-letter queue
	TimedOut             int64 // messages whose time to live was over
}

// Stats returns the counts of a queue, topic or subscription (topic/Subscriptions/name),
// or of a dead-letter queue (name/$DeadLetterQueue); false if there is none of that name.
func (s *Server) Stats(name string) (QueueStats, bool) {
	e := s.lookup(name)
	if e == nil {
		return QueueStats{}, false
	}
	t := e.q.Stats()
	return QueueStats{
		Active: t.Active, Locked: t.Locked, Deferred: t.Deferred, Scheduled: t.Scheduled,
		DeadLettered: t.DeadLettered, TransferDeadLettered: t.TransferDeadLettered, Bytes: t.Bytes,
		Sent: t.Sent, Duplicates: t.Duplicates, Delivered: t.Delivered, Completed: t.Completed,
		Abandoned: t.Abandoned, Released: t.Released, LocksExpired: t.Expired, Buried: t.Dead, TimedOut: t.TimedOut,
	}, true
}
