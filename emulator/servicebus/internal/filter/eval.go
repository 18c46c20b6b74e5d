package filter

import (
	"crypto/rand"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// node is a part of an expression. Its value is nil (unknown), bool, int64, float64,
// string or time.Time.
type node interface{ eval(m *amqp.Message) any }

// normal brings a decoded value to one of the types that expressions know, nil if there is
// none.
func normal(v any) any {
	switch v := v.(type) {
	case bool, int64, float64, string, time.Time:
		return v
	case int:
		return int64(v)
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v > math.MaxInt64 {
			return float64(v)
		}
		return int64(v)
	case float32:
		return float64(v)
	case amqp.UUID:
		return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
	}
	return nil
}

type constant struct{ v any }

func (c constant) eval(*amqp.Message) any { return c.v }

type property struct {
	key      string
	system   bool
	position int
}

func (p property) eval(m *amqp.Message) any {
	if p.system {
		return normal(m.Property(p.position))
	}
	v, _ := m.ValueFold(p.key)
	return normal(v)
}

type exists struct{ p property }

func (e exists) eval(m *amqp.Message) any {
	if e.p.system {
		return m.Property(e.p.position) != nil
	}
	_, ok := m.ValueFold(e.p.key)
	return ok
}

// lookup is property(name).
type lookup struct{ name node }

func (l lookup) eval(m *amqp.Message) any {
	name, ok := l.name.eval(m).(string)
	if !ok {
		return nil
	}
	return property{key: name}.eval(m)
}

type newID struct{}

func (newID) eval(*amqp.Message) any {
	var u amqp.UUID
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return normal(u)
}

type negation struct{ e node }

func (n negation) eval(m *amqp.Message) any {
	if v, ok := n.e.eval(m).(bool); ok {
		return !v
	}
	return nil
}

// logic is AND, or OR, of three values.
type logic struct {
	left, right node
	or          bool
}

func (l logic) eval(m *amqp.Message) any {
	a, known := l.left.eval(m).(bool)
	if known && a == l.or {
		return a
	}
	b, bothKnown := l.right.eval(m).(bool)
	if bothKnown && b == l.or {
		return b
	}
	if known && bothKnown {
		return !l.or
	}
	return nil
}

type isNull struct {
	e   node
	not bool
}

func (n isNull) eval(m *amqp.Message) any { return (n.e.eval(m) == nil) != n.not }

type comparison struct {
	left, right node
	op          string
}

func (c comparison) eval(m *amqp.Message) any { return compare(c.left.eval(m), c.right.eval(m), c.op) }

// compare is unknown for unknowns and for types that do not compare.
func compare(a, b any, op string) any {
	var order int
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		if !ok {
			return nil
		}
		order = strings.Compare(a, b)
	case bool:
		b, ok := b.(bool)
		if !ok || (op != "=" && op != "<>" && op != "!=") {
			return nil
		}
		if a != b {
			order = 1
		}
	case time.Time:
		b, ok := b.(time.Time)
		if !ok {
			return nil
		}
		order = a.Compare(b)
	case int64, float64:
		x, xi := a.(int64)
		y, yi := b.(int64)
		if !xi || !yi {
			f, ok := toFloat(a)
			g, ok2 := toFloat(b)
			if !ok || !ok2 || math.IsNaN(f) || math.IsNaN(g) {
				return nil
			}
			order = sign(f < g, f > g)
			break
		}
		order = sign(x < y, x > y)
	default:
		return nil
	}
	switch op {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order != 0
}

func sign(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

type membership struct {
	left node
	list []node
}

// eval is unknown if the left side is, or if no element is equal and one is unknown.
func (e membership) eval(m *amqp.Message) any {
	left := e.left.eval(m)
	if left == nil {
		return nil
	}
	unknown := false
	for _, n := range e.list {
		switch v := n.eval(m); {
		case v == nil:
			unknown = true
		case compare(left, v, "=") == true:
			return true
		}
	}
	if unknown {
		return nil
	}
	return false
}

type like struct{ left, pattern, escape node }

func (l like) eval(m *amqp.Message) any {
	s, ok := l.left.eval(m).(string)
	pattern, ok2 := l.pattern.eval(m).(string)
	if !ok || !ok2 {
		return nil
	}
	escape := rune(-1)
	if l.escape != nil {
		e, ok := l.escape.eval(m).(string)
		if !ok || utf8.RuneCountInString(e) != 1 {
			return nil
		}
		escape, _ = utf8.DecodeRuneInString(e)
	}
	if len(s)*len(pattern) > maxSteps {
		return nil
	}
	return wildcard([]rune(s), pattern, escape)
}

// maxSteps bounds the work of one LIKE, which happens while nobody else is served; beyond
// it the result is unknown.
const maxSteps = 1 << 24

// wildcard matches % (any characters) and _ (one) in at most len(s) * len(pattern) steps.
func wildcard(s []rune, pattern string, escape rune) bool {
	type element struct {
		r        rune
		one, any bool
	}
	var p []element
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			p = append(p, element{r: r})
			escaped = false
		case r == escape:
			escaped = true
		case r == '%':
			p = append(p, element{any: true})
		case r == '_':
			p = append(p, element{one: true})
		default:
			p = append(p, element{r: r})
		}
	}
	// On a mismatch, the last % takes one character more.
	i, j, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j].any:
			star, from = j, i
			j++
		case j < len(p) && (p[j].one || p[j].r == s[i] && !p[j].any):
			i++
			j++
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j].any {
		j++
	}
	return j == len(p)
}

// maxText bounds what joining strings can make, in bytes: statements could otherwise double
// a property again and again.
const maxText = 32 << 10

type arithmetic struct {
	left, right node
	op          byte
}

func (a arithmetic) eval(m *amqp.Message) any {
	l, r := a.left.eval(m), a.right.eval(m)
	x, xi := l.(int64)
	y, yi := r.(int64)
	if xi && yi {
		return integer(x, y, a.op)
	}
	if s, ok := l.(string); ok && a.op == '+' {
		if t, ok := r.(string); ok && len(s)+len(t) <= maxText {
			return s + t
		}
	}
	f, ok := toFloat(l)
	g, ok2 := toFloat(r)
	if !ok || !ok2 {
		return nil
	}
	switch a.op {
	case '+':
		return f + g
	case '-':
		return f - g
	case '*':
		return f * g
	case '/':
		return f / g
	}
	return math.Mod(f, g)
}

// integer wraps around as C# does; dividing by zero is unknown.
func integer(x, y int64, op byte) any {
	switch op {
	case '+':
		return x + y
	case '-':
		return x - y
	case '*':
		return x * y
	}
	if y == 0 {
		return nil
	}
	if op == '/' {
		return x / y
	}
	return x % y
}

// statement is SET target = value, or REMOVE target if there is no value.
type statement struct {
	target property
	value  node
}

// apply carries out statements one after the other on a copy.
func apply(statements []statement, m *amqp.Message) *amqp.Message {
	for _, s := range statements {
		if s.value == nil {
			m = m.WithoutFold(s.target.key)
			continue
		}
		value, err := amqp.AppendScalar(nil, s.value.eval(m))
		if err != nil {
			continue // normal values have no other types
		}
		if s.target.system {
			m = m.WithProperty(s.target.position, value)
		} else {
			m = m.With(amqp.Pair{Key: m.KeyFold(s.target.key), Value: value})
		}
	}
	return m
}
