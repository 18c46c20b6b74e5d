package filter

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

var (
	// ErrExists means that a subscription has a rule of that name.
	ErrExists = errors.New("the rule exists already")
	// ErrNotFound means that it has none.
	ErrNotFound = errors.New("the rule does not exist")
	// ErrTooMany means that a subscription would have more rules than it may.
	ErrTooMany = errors.New("too many rules")
)

// MaxRules is how many rules a subscription may have.
const MaxRules = 2000

// Rules are the rules of a subscription, safe for concurrent use.
type Rules struct{ list atomic.Pointer[[]Rule] }

// NewRules compiles rules; without any, there is one that lets everything pass.
func NewRules(rules []Rule) (*Rules, error) {
	if len(rules) == 0 {
		rules = []Rule{{Name: DefaultRule}}
	}
	r := &Rules{}
	r.list.Store(&[]Rule{})
	var errs []error
	for _, rule := range rules {
		errs = append(errs, r.Add(rule))
	}
	return r, errors.Join(errs...)
}

// List returns the rules in the order in which they were added.
func (r *Rules) List() []Rule { return *r.list.Load() }

// Get returns a rule by its name.
func (r *Rules) Get(name string) (Rule, error) {
	for _, rule := range r.List() {
		if rule.Name == name {
			return rule, nil
		}
	}
	return Rule{}, fmt.Errorf("rule %.60s: %w", name, ErrNotFound)
}

// Add adds a rule.
func (r *Rules) Add(rule Rule) error {
	rule, err := Compile(rule)
	if err != nil {
		return err
	}
	for {
		old := r.list.Load()
		if len(*old) >= MaxRules {
			return fmt.Errorf("rule %s: %w, at most %d", rule.Name, ErrTooMany, MaxRules)
		}
		for _, o := range *old {
			if o.Name == rule.Name {
				return fmt.Errorf("rule %s: %w", rule.Name, ErrExists)
			}
		}
		list := append(append([]Rule(nil), *old...), rule)
		if r.list.CompareAndSwap(old, &list) {
			return nil
		}
	}
}

// Reset replaces all rules, or none if one is wrong.
func (r *Rules) Reset(rules []Rule) error {
	list := make([]Rule, len(rules))
	for i, rule := range rules {
		var err error
		if list[i], err = Compile(rule); err != nil {
			return err
		}
	}
	r.list.Store(&list)
	return nil
}

// Replace changes the rule of that name.
func (r *Rules) Replace(rule Rule) error {
	rule, err := Compile(rule)
	if err != nil {
		return err
	}
	return r.change(rule.Name, func(list []Rule, at int) []Rule {
		list[at] = rule
		return list
	})
}

// Remove removes a rule by its name.
func (r *Rules) Remove(name string) error {
	return r.change(name, func(list []Rule, at int) []Rule { return append(list[:at], list[at+1:]...) })
}

func (r *Rules) change(name string, how func(list []Rule, at int) []Rule) error {
	for {
		old := r.list.Load()
		at := -1
		for i, o := range *old {
			if o.Name == name {
				at = i
			}
		}
		if at < 0 {
			return fmt.Errorf("rule %.60s: %w", name, ErrNotFound)
		}
		list := how(append([]Rule(nil), *old...), at)
		if r.list.CompareAndSwap(old, &list) {
			return nil
		}
	}
}

// Select returns the copies of a message that the rules let pass: one for each rule with
// an action, changed by it, and one, as it is, if any rule without an action does.
func (r *Rules) Select(m *amqp.Message) []*amqp.Message {
	var out []*amqp.Message
	plain := false
	for _, rule := range r.List() {
		switch {
		case plain && rule.action == nil:
		case !rule.match(m):
		case rule.action == nil:
			plain = true
			out = append(out, m)
		default:
			out = append(out, apply(rule.action, m))
		}
	}
	return out
}
