// Package filter decides which messages a subscription gets: the correlation filters and
// the SQL filters and actions of Service Bus rules.
//
// SQL is the subset that learn.microsoft.com documents under "Subscription Rule SQL Filter
// Syntax" and "SQL Action Syntax", with its three-valued logic: a property that a message
// does not have is unknown, and so is everything computed from it.
package filter

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// ErrInvalid is the kind of every error of a filter or an action that cannot be used.
var ErrInvalid = errors.New("invalid filter")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Limits of Service Bus.
const (
	maxExpression = 1024 // characters of a filter or an action
	maxName       = 50   // characters of the name of a rule
	maxDepth      = 100  // nested parentheses and operators
)

// DefaultRule is the name of the rule that a subscription has if none is given.
const DefaultRule = "$Default"

// Kind says what a filter goes by.
type Kind uint8

// The kinds of filters.
const (
	All Kind = iota // every message
	None
	SQL
	ByCorrelation
)

// Filter chooses messages. Exactly the fields of its kind are used.
type Filter struct {
	Kind        Kind
	Expression  string         // of SQL
	Parameters  map[string]any // of SQL, by name with its @: int64, float64, string, bool
	Correlation Correlation
}

// Correlation is a filter by equality. Every field and property that is set has to agree.
type Correlation struct {
	MessageID, CorrelationID, To, ReplyTo, Subject string
	SessionID, ReplyToSessionID, ContentType       string
	Properties                                     map[string]any // application properties
}

// Rule is a filter with a name, and perhaps an action on what it chooses.
type Rule struct {
	Name   string
	Filter Filter
	Action string    // SQL: SET and REMOVE statements; "" = none
	Since  time.Time // when it was made

	match  func(*amqp.Message) bool
	action []statement
}

// Compile checks a rule and returns it ready for use.
func Compile(r Rule) (Rule, error) {
	if r.Name == "" || len(r.Name) > maxName {
		return r, invalid("rule name %.60q, 1 to %d characters", r.Name, maxName)
	}
	var err error
	switch r.Filter.Kind {
	case All:
		r.match = func(*amqp.Message) bool { return true }
	case None:
		r.match = func(*amqp.Message) bool { return false }
	case SQL:
		var e node
		if e, err = parseFilter(r.Filter.Expression, r.Filter.Parameters); err == nil {
			r.match = func(m *amqp.Message) bool { return e.eval(m) == true }
		}
	case ByCorrelation:
		var tests []test
		if tests, err = r.Filter.Correlation.compile(); err == nil {
			r.match = func(m *amqp.Message) bool { return all(tests, m) }
		}
	default:
		err = invalid("kind %d", r.Filter.Kind)
	}
	if err == nil && r.Action != "" {
		r.action, err = parseAction(r.Action)
	}
	if err != nil {
		return r, fmt.Errorf("rule %s: %w", r.Name, err)
	}
	return r, nil
}

// test is one equality of a correlation filter.
type test struct {
	position int    // of a property of the message, or -1
	key      string // of an application property
	want     any
}

func (c *Correlation) compile() ([]test, error) {
	var tests []test
	for _, f := range []struct {
		position int
		want     string
	}{
		{amqp.PropertyMessageID, c.MessageID},
		{amqp.PropertyCorrelationID, c.CorrelationID},
		{amqp.PropertyTo, c.To},
		{amqp.PropertyReplyTo, c.ReplyTo},
		{amqp.PropertySubject, c.Subject},
		{amqp.PropertyGroupID, c.SessionID},
		{amqp.PropertyReplyToGroupID, c.ReplyToSessionID},
		{amqp.PropertyContentType, c.ContentType},
	} {
		if f.want != "" {
			tests = append(tests, test{position: f.position, want: f.want})
		}
	}
	keys := make([]string, 0, len(c.Properties))
	for k := range c.Properties {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		tests = append(tests, test{position: -1, key: k, want: normal(c.Properties[k])})
	}
	if len(tests) == 0 {
		return nil, invalid("a correlation filter needs at least one property")
	}
	return tests, nil
}

func all(tests []test, m *amqp.Message) bool {
	for _, t := range tests {
		var got any
		if t.position >= 0 {
			got = normal(m.Property(t.position))
		} else if v, ok := m.Value(t.key); ok {
			got = normal(v)
		}
		if compare(got, t.want, "=") != true {
			return false
		}
	}
	return true
}
