package servicebus

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
)

// Descriptors of the parts of a rule in the answer to enumerate-rules.
const (
	codeRuleDescription   = 0x13700000004
	codeEmptyAction       = 0x13700000005
	codeSQLAction         = 0x13700000006
	codeSQLFilter         = 0x1370000006
	codeTrueFilter        = 0x1370000007
	codeFalseFilter       = 0x1370000008
	codeCorrelationFilter = 0x1370000009
)

const compatibilityLevel = 20 // of SQL

// manageRules carries out the operations on the rules of a subscription.
func (s *Server) manageRules(e *entity, op string, args amqp.Map) amqp.Response {
	if e.kind != isSubscription {
		return badRequest("%s is no subscription and has no rules", e.name)
	}
	if op == "enumerate-rules" {
		return enumerateRules(e.rules, args)
	}
	name := args.String("rule-name")
	if op == "remove-rule" {
		return ruleChanged(s.changeRules(e, func() error { return e.rules.Remove(name) }))
	}
	description, isMap := args.Get("rule-description").(amqp.Map)
	if !isMap {
		return badRequest("rule-description: a map")
	}
	if name == "" {
		name = description.String("rule-name")
	}
	rule, err := readRule(name, description)
	if err != nil {
		return ruleChanged(err)
	}
	rule.Since = s.now()
	return ruleChanged(s.changeRules(e, func() error { return e.rules.Add(rule) }))
}

// changeRules changes the rules of a subscription, and has them found again by the next
// server on the same directory.
func (s *Server) changeRules(e *entity, how func() error) error {
	s.ruleMu.Lock()
	defer s.ruleMu.Unlock()
	if err := how(); err != nil {
		return err
	}
	s.space.Set(settingRules+e.address, appendRules(nil, e.configured, e.rules.List()))
	return nil
}

// settingRules is what the names of settings with the rules of a subscription begin with.
const settingRules = "rules/"

// appendRules writes a list: the rules that were configured, as text, and those there are.
func appendRules(b []byte, configured string, list []filter.Rule) []byte {
	b, c := amqp.BeginList(b)
	b = amqp.AppendString(b, configured)
	for _, r := range list {
		b = appendRule(b, r)
	}
	return c.End(b, 1+len(list))
}

// restoreRules gives subscriptions the rules that were set while they ran, unless their
// configuration has changed since.
func (s *Server) restoreRules() error {
	for name, value := range s.space.Settings() {
		address, ok := strings.CutPrefix(name, settingRules)
		e := s.entities[address]
		if !ok || e == nil || e.kind != isSubscription {
			continue
		}
		v, err := amqp.NewDecoder(value).Value()
		list, isList := v.([]any)
		if err != nil || !isList || len(list) == 0 {
			return fmt.Errorf("servicebus: rules of %s in the data directory: %w", e.name, errors.Join(err, filter.ErrInvalid))
		}
		if list[0] != e.configured {
			continue
		}
		if err := e.rules.Reset(parseRules(list[1:])); err != nil {
			return fmt.Errorf("servicebus: rules of %s in the data directory: %w", e.name, err)
		}
	}
	return nil
}

// parseRules reads what appendRule wrote.
func parseRules(list []any) []filter.Rule {
	out := make([]filter.Rule, 0, len(list))
	for _, v := range list {
		_, f := describedList(v)
		if len(f) < 4 {
			continue
		}
		r := filter.Rule{}
		r.Name, _ = f[2].(string)
		r.Since, _ = f[3].(time.Time)
		if code, a := describedList(f[1]); code == codeSQLAction && len(a) > 0 {
			r.Action, _ = a[0].(string)
		}
		switch code, g := describedList(f[0]); {
		case code == codeFalseFilter:
			r.Filter.Kind = filter.None
		case code == codeSQLFilter && len(g) > 0:
			r.Filter.Kind = filter.SQL
			r.Filter.Expression, _ = g[0].(string)
		case code == codeCorrelationFilter && len(g) == 9:
			r.Filter.Kind = filter.ByCorrelation
			c := &r.Filter.Correlation
			for i, to := range []*string{
				&c.CorrelationID, &c.MessageID, &c.To, &c.ReplyTo, &c.Subject, &c.SessionID, &c.ReplyToSessionID, &c.ContentType,
			} {
				*to, _ = g[i].(string)
			}
			properties, _ := g[8].(amqp.Map)
			c.Properties = map[string]any{}
			for _, p := range properties {
				if k, ok := p.Key.(string); ok {
					c.Properties[k] = p.Value
				}
			}
		}
		out = append(out, r)
	}
	return out
}

func describedList(v any) (code uint64, fields []any) {
	d, _ := v.(amqp.Described)
	code, _ = d.Descriptor.(uint64)
	fields, _ = d.Value.([]any)
	return code, fields
}

func ruleChanged(err error) amqp.Response {
	switch {
	case err == nil:
		return ok(emptyMap)
	case errors.Is(err, filter.ErrExists):
		return amqp.Response{Code: codeConflict, Condition: "com.microsoft:entity-already-exists", Description: err.Error()}
	case errors.Is(err, filter.ErrNotFound):
		return amqp.Response{Code: codeNotFound, Condition: "amqp:not-found", Description: err.Error()}
	case errors.Is(err, filter.ErrTooMany):
		return amqp.Response{Code: codeForbidden, Condition: conditionLimit, Description: err.Error()}
	}
	return badRequest("%v", err)
}

// readRule reads what add-rule describes.
func readRule(name string, d amqp.Map) (filter.Rule, error) {
	r := filter.Rule{Name: name}
	if action, ok := d.Get("sql-rule-action").(amqp.Map); ok {
		r.Action = action.String("expression")
	}
	if sql, ok := d.Get("sql-filter").(amqp.Map); ok {
		r.Filter = filter.Filter{Kind: filter.SQL, Expression: sql.String("expression")}
		return r, nil
	}
	m, ok := d.Get("correlation-filter").(amqp.Map)
	if !ok {
		return r, fmt.Errorf("%w: rule %.60s has neither a sql-filter nor a correlation-filter", filter.ErrInvalid, name)
	}
	c := filter.Correlation{
		MessageID: m.String("message-id"), CorrelationID: m.String("correlation-id"), To: m.String("to"),
		ReplyTo: m.String("reply-to"), Subject: m.String("label"), SessionID: m.String("session-id"),
		ReplyToSessionID: m.String("reply-to-session-id"), ContentType: m.String("content-type"),
	}
	if properties, ok := m.Get("properties").(amqp.Map); ok {
		c.Properties = map[string]any{}
		for _, p := range properties {
			key, isString := p.Key.(string)
			if s, isSymbol := p.Key.(amqp.Symbol); isSymbol {
				key, isString = string(s), true
			}
			if !isString {
				return r, fmt.Errorf("%w: a property name of type %T", filter.ErrInvalid, p.Key)
			}
			c.Properties[key] = p.Value
		}
	}
	r.Filter = filter.Filter{Kind: filter.ByCorrelation, Correlation: c}
	return r, nil
}

func enumerateRules(rules *filter.Rules, args amqp.Map) amqp.Response {
	skip, _ := args.Get("skip").(int32)
	top, isInt := args.Get("top").(int32)
	if !isInt || top < 1 || skip < 0 {
		return badRequest("skip: an int; top: an int above 0")
	}
	list := rules.List()
	list = list[min(int(skip), len(list)):]
	list = list[:min(int(top), len(list))]
	if len(list) == 0 {
		return amqp.Response{Code: codeNoContent, Description: "no more rules"}
	}
	return ok(func(b []byte) []byte {
		b, outer := amqp.BeginMap(b)
		b = amqp.AppendString(b, "rules")
		b, all := amqp.BeginList(b)
		for _, r := range list {
			b2, c := amqp.BeginMap(b)
			b = c.End(appendRule(amqp.AppendString(b2, "rule-description"), r), 2)
		}
		return outer.End(all.End(b, len(list)), 2)
	})
}

// appendRule writes a rule as a described list: filter, action, name, time.
func appendRule(b []byte, r filter.Rule) []byte {
	b, rule := amqp.BeginList(amqp.AppendDescribed(b, codeRuleDescription))
	switch r.Filter.Kind {
	case filter.All:
		b = appendDescribedList(b, codeTrueFilter)
	case filter.None:
		b = appendDescribedList(b, codeFalseFilter)
	case filter.SQL:
		b = appendDescribedList(b, codeSQLFilter, r.Filter.Expression, int32(compatibilityLevel))
	case filter.ByCorrelation:
		b = appendCorrelation(b, r.Filter.Correlation)
	}
	if r.Action == "" {
		b = appendDescribedList(b, codeEmptyAction)
	} else {
		b = appendDescribedList(b, codeSQLAction, r.Action, int32(compatibilityLevel))
	}
	b = amqp.AppendString(b, r.Name)
	return rule.End(amqp.AppendTimestamp(b, r.Since), 4)
}

func appendDescribedList(b []byte, descriptor uint64, values ...any) []byte {
	b, c := amqp.BeginList(amqp.AppendDescribed(b, descriptor))
	for _, v := range values {
		b, _ = amqp.AppendScalar(b, v) // strings and numbers
	}
	return c.End(b, len(values))
}

func appendCorrelation(b []byte, f filter.Correlation) []byte {
	b, c := amqp.BeginList(amqp.AppendDescribed(b, codeCorrelationFilter))
	for _, v := range []string{
		f.CorrelationID, f.MessageID, f.To, f.ReplyTo, f.Subject, f.SessionID, f.ReplyToSessionID, f.ContentType,
	} {
		if v == "" {
			b = amqp.AppendNull(b)
		} else {
			b = amqp.AppendString(b, v)
		}
	}
	b, m := amqp.BeginMap(b)
	n := 0
	for _, k := range slices.Sorted(maps.Keys(f.Properties)) {
		next, err := amqp.AppendScalar(amqp.AppendString(b, k), f.Properties[k])
		if err == nil { // a value that came as a simple one
			b = next
			n += 2
		}
	}
	return c.End(m.End(b, n), 9)
}
