package servicebus

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
)

// Defaults and limits of Service Bus, Standard tier.
const (
	DefaultLockDuration     = time.Minute
	MaxLockDuration         = 5 * time.Minute
	DefaultMaxDeliveryCount = 10
	DefaultMaxMessageSize   = 256 << 10 // bytes
	DefaultMaxSize          = 1 << 30   // bytes
	MaxMessageSizeLimit     = 100 << 20 // bytes, Premium tier
	maxNameLength           = 260
	maxSubscriptionName     = 50
	maxAutoCreated          = 10_000
	maxForwards             = 4 // hops of a chain of queues that forward
)

// Right is what a token is good for; rights add up.
type Right uint8

// The rights of Service Bus.
const (
	Send   Right = 1 << iota // to queues and topics
	Listen                   // to queues and subscriptions
	Manage                   // by ATOM; it needs Send and Listen as well in Azure, not here
)

// Config describes a server.
type Config struct {
	Queues []Queue
	Topics []Topic

	// Keys are shared access keys by policy name. With any, a client has to present a token
	// signed with one of them for every entity it uses; without, every token is accepted.
	Keys map[string]string

	// Rights are what the tokens of policies are good for. A policy that is not in it may do
	// everything.
	Rights map[string]Right

	// AnyJWT has tokens of identities (Microsoft Entra) accepted unread although there are
	// Keys, which they are not signed with.
	AnyJWT bool

	// AutoCreate has a queue with the service's settings made when a client first names one that
	// does not exist, as brokers other than Service Bus do, at most 10,000 of them.
	AutoCreate bool

	// TLS, if set, has every connection speak TLS; see SelfSigned.
	TLS *tls.Config

	// Dir is where messages are kept, so that they outlive the server; "" keeps them in
	// memory only. One server at a time may use a directory.
	Dir string

	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// Queue describes a queue. The zero values of its settings are those of the service.
type Queue struct {
	Name              string
	LockDuration      time.Duration // how long a received message or session is locked; 0 = 1 minute, at most 5
	MaxDeliveryCount  int           // deliveries before the dead-letter queue; 0 = 10
	DuplicateWindow   time.Duration // for which message ids are remembered; 0 = no duplicate detection
	TimeToLive        time.Duration // longest life of a message; 0 = for ever
	DeadLetterExpired bool          // expired messages are dead-lettered instead of dropped
	Sessions          bool          // every message belongs to a session
	MaxMessageSize    int           // bytes; 0 = 256 KiB, at most 100 MiB
	MaxSize           int64         // bytes of all messages; 0 = 1 GiB

	ForwardTo            string // queue or topic that gets the messages of this one; "" = none
	ForwardDeadLettersTo string // queue or topic that gets its dead letters; "" = none
}

// Topic describes a topic: what is sent to it goes to all its subscriptions that want it.
type Topic struct {
	Name            string
	DuplicateWindow time.Duration // for which message ids are remembered; 0 = no duplicate detection
	TimeToLive      time.Duration // longest life of a message; 0 = for ever
	MaxMessageSize  int           // bytes; 0 = 256 KiB, at most 100 MiB
	MaxSize         int64         // bytes of the messages of all subscriptions; 0 = 1 GiB
	Subscriptions   []Subscription
}

// Subscription describes a subscription: a queue that is fed by its topic.
type Subscription struct {
	Name                 string
	LockDuration         time.Duration // as of a Queue
	MaxDeliveryCount     int
	TimeToLive           time.Duration
	DeadLetterExpired    bool
	Sessions             bool
	ForwardTo            string
	ForwardDeadLettersTo string
	Rules                []Rule // none = everything
}

// Rule lets messages pass to a subscription. A message comes once if any rule without an
// action lets it pass, and once more for each rule with one.
type Rule struct {
	Name        string             // 1 to 50 characters
	SQL         string             // for instance "sys.Label = 'eu' AND price > 10"; "" with no Correlation lets all pass
	Correlation *CorrelationFilter // instead of SQL
	Action      string             // for instance "SET tier = 'gold'; REMOVE draft"; "" = none
}

// CorrelationFilter lets messages pass by equality: every field that is set has to agree.
type CorrelationFilter struct {
	MessageID, CorrelationID, To, ReplyTo, Subject string
	SessionID, ReplyToSessionID, ContentType       string
	Properties                                     map[string]any // application properties
}

func (r Rule) compile() filter.Rule {
	out := filter.Rule{Name: r.Name, Action: r.Action}
	switch {
	case r.Correlation != nil:
		out.Filter = filter.Filter{Kind: filter.ByCorrelation, Correlation: filter.Correlation(*r.Correlation)}
	case r.SQL != "":
		out.Filter = filter.Filter{Kind: filter.SQL, Expression: r.SQL}
	}
	return out
}

// withDefaults completes the settings, and says what is wrong with them.
func (q Queue) withDefaults() (Queue, error) {
	setDefault(&q.LockDuration, DefaultLockDuration)
	setDefault(&q.MaxDeliveryCount, DefaultMaxDeliveryCount)
	setDefault(&q.MaxMessageSize, DefaultMaxMessageSize)
	setDefault(&q.MaxSize, DefaultMaxSize)
	if err := checkName("queue", q.Name, maxNameLength); err != nil {
		return q, err
	}
	return q, q.check("queue " + q.Name)
}

func checkName(what, name string, longest int) error {
	if name == "" || len(name) > longest || strings.ContainsAny(name, "$\\?#:") || amqp.Entity(name) != strings.ToLower(name) {
		return fmt.Errorf("%s name %.300q: 1 to %d characters, none of $\\?#:, no slash at an end", what, name, longest)
	}
	if strings.Contains("/"+strings.ToLower(name)+"/", "/subscriptions/") {
		return fmt.Errorf("%s name %.300q: no part of it may be \"subscriptions\"", what, name)
	}
	return nil
}

func (q Queue) check(what string) error {
	switch {
	case q.LockDuration < 0 || q.LockDuration > MaxLockDuration:
		return fmt.Errorf("%s: lock duration %v, at most %v", what, q.LockDuration, MaxLockDuration)
	case q.MaxDeliveryCount < 0:
		return fmt.Errorf("%s: max delivery count %d, at least 1", what, q.MaxDeliveryCount)
	case q.DuplicateWindow < 0:
		return fmt.Errorf("%s: duplicate window %v, at least 0", what, q.DuplicateWindow)
	case q.TimeToLive < 0:
		return fmt.Errorf("%s: time to live %v, at least 0", what, q.TimeToLive)
	case q.MaxMessageSize < 0 || q.MaxMessageSize > MaxMessageSizeLimit:
		return fmt.Errorf("%s: max message size %d bytes, at most %d", what, q.MaxMessageSize, MaxMessageSizeLimit)
	case q.MaxSize < 0:
		return fmt.Errorf("%s: max size %d bytes, at least 1", what, q.MaxSize)
	case q.Sessions && q.ForwardTo != "":
		return fmt.Errorf("%s: it requires sessions and cannot forward to %s", what, q.ForwardTo)
	}
	return nil
}

// queue is the topic's own queue, which holds what is scheduled.
func (t Topic) queue() Queue {
	return Queue{
		Name: t.Name, DuplicateWindow: t.DuplicateWindow, TimeToLive: t.TimeToLive,
		MaxMessageSize: t.MaxMessageSize, MaxSize: t.MaxSize,
	}
}

// queue is the subscription's queue. Its size is its topic's concern.
func (s Subscription) queue(t Queue) Queue {
	return Queue{
		Name: t.Name + "/Subscriptions/" + s.Name, LockDuration: s.LockDuration, MaxDeliveryCount: s.MaxDeliveryCount,
		TimeToLive: s.TimeToLive, DeadLetterExpired: s.DeadLetterExpired, Sessions: s.Sessions,
		MaxMessageSize: t.MaxMessageSize, MaxSize: t.MaxSize,
		ForwardTo: s.ForwardTo, ForwardDeadLettersTo: s.ForwardDeadLettersTo,
	}
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
