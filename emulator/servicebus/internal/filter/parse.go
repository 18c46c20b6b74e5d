package filter

import (
	"strings"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// system maps the names of system properties, in lower case, to places in the message.
func system(name string) (position int, ok bool) {
	switch strings.ToLower(name) {
	case "messageid":
		return amqp.PropertyMessageID, true
	case "to":
		return amqp.PropertyTo, true
	case "replyto":
		return amqp.PropertyReplyTo, true
	case "label", "subject":
		return amqp.PropertySubject, true
	case "correlationid":
		return amqp.PropertyCorrelationID, true
	case "contenttype":
		return amqp.PropertyContentType, true
	case "sessionid":
		return amqp.PropertyGroupID, true
	case "replytosessionid":
		return amqp.PropertyReplyToGroupID, true
	}
	return 0, false
}

// reserved words are no names of properties unless they are quoted.
func reserved(w string) bool {
	switch strings.ToLower(w) {
	case "and", "or", "not", "is", "null", "in", "like", "escape", "exists", "true", "false", "set", "remove":
		return true
	}
	return false
}

type parser struct {
	tokens []token
	depth  int
	params map[string]any
}

func parseFilter(s string, params map[string]any) (node, error) {
	tokens, err := scan(s)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, params: params}
	e, err := p.or()
	if err == nil && p.peek().kind != end {
		err = p.unexpected()
	}
	return e, err
}

// parseAction reads SET and REMOVE statements, apart by semicolons or commas or nothing.
func parseAction(s string) ([]statement, error) {
	tokens, err := scan(s)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	var out []statement
	for p.peek().kind != end {
		var st statement
		switch {
		case p.accept("SET"):
			if st.target, err = p.property(); err != nil {
				return nil, err
			}
			if !p.accept("=") {
				return nil, p.unexpected()
			}
			if st.value, err = p.sum(); err != nil {
				return nil, err
			}
			if st.target.system && st.target.position == amqp.PropertyMessageID {
				return nil, invalid("the id of a message cannot be set by an action")
			}
		case p.accept("REMOVE"):
			if st.target, err = p.property(); err != nil {
				return nil, err
			}
			if st.target.system {
				return nil, invalid("a system property cannot be removed")
			}
		default:
			return nil, p.unexpected()
		}
		out = append(out, st)
		for p.accept(";") || p.accept(",") {
			continue
		}
	}
	if len(out) == 0 {
		return nil, invalid("an action without statements")
	}
	return out, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) accept(s string) bool {
	if p.peek().is(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) unexpected() error {
	t := p.peek()
	if t.kind == end {
		return invalid("the expression ends too early")
	}
	return invalid("position %d: unexpected %.40q", t.at+1, t.text)
}

// enter guards the recursion.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return invalid("nested deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) or() (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	left, err := p.and()
	for err == nil && p.accept("OR") {
		var right node
		right, err = p.and()
		left = logic{left, right, true}
	}
	return left, err
}

func (p *parser) and() (node, error) {
	left, err := p.not()
	for err == nil && p.accept("AND") {
		var right node
		right, err = p.not()
		left = logic{left, right, false}
	}
	return left, err
}

func (p *parser) not() (node, error) {
	if !p.accept("NOT") {
		return p.predicate()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.not()
	return negation{e}, err
}

// predicate is an expression, perhaps compared with something.
func (p *parser) predicate() (node, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"=", "<>", "!=", "<=", ">=", "<", ">"} {
		if p.accept(op) {
			right, err := p.sum()
			return comparison{left, right, op}, err
		}
	}
	if p.accept("IS") {
		not := p.accept("NOT")
		if !p.accept("NULL") {
			return nil, p.unexpected()
		}
		return isNull{left, not}, nil
	}
	not := p.accept("NOT")
	var e node
	switch {
	case p.accept("IN"):
		e, err = p.in(left)
	case p.accept("LIKE"):
		e, err = p.like(left)
	case not:
		return nil, p.unexpected()
	default:
		return left, nil
	}
	if not {
		e = negation{e}
	}
	return e, err
}

func (p *parser) in(left node) (node, error) {
	if !p.accept("(") {
		return nil, p.unexpected()
	}
	list := membership{left: left}
	for {
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		list.list = append(list.list, e)
		if p.accept(")") {
			return list, nil
		}
		if !p.accept(",") {
			return nil, p.unexpected()
		}
	}
}

func (p *parser) like(left node) (node, error) {
	pattern, err := p.sum()
	if err != nil {
		return nil, err
	}
	l := like{left: left, pattern: pattern}
	if p.accept("ESCAPE") {
		l.escape, err = p.sum()
	}
	return l, err
}

func (p *parser) sum() (node, error) {
	left, err := p.product()
	for err == nil && (p.peek().is("+") || p.peek().is("-")) {
		op := p.next().text
		var right node
		right, err = p.product()
		left = arithmetic{left, right, op[0]}
	}
	return left, err
}

func (p *parser) product() (node, error) {
	left, err := p.unary()
	for err == nil && (p.peek().is("*") || p.peek().is("/") || p.peek().is("%")) {
		op := p.next().text
		var right node
		right, err = p.unary()
		left = arithmetic{left, right, op[0]}
	}
	return left, err
}

func (p *parser) unary() (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	switch {
	case p.accept("+"):
		e, err := p.unary()
		return arithmetic{constant{int64(0)}, e, '+'}, err
	case p.accept("-"):
		e, err := p.unary()
		return arithmetic{constant{int64(0)}, e, '-'}, err
	}
	return p.primary()
}

func (p *parser) primary() (node, error) {
	t := p.peek()
	switch {
	case t.kind == number:
		p.next()
		return constant{t.value}, nil
	case t.kind == text:
		p.next()
		return constant{t.text}, nil
	case t.kind == parameter:
		v, ok := p.params[t.text]
		if !ok {
			return nil, invalid("position %d: parameter %.40s has no value", t.at+1, t.text)
		}
		p.next()
		return constant{normal(v)}, nil
	case p.accept("("):
		e, err := p.or()
		if err == nil && !p.accept(")") {
			err = p.unexpected()
		}
		return e, err
	case p.accept("TRUE"):
		return constant{true}, nil
	case p.accept("FALSE"):
		return constant{false}, nil
	case p.accept("NULL"):
		return constant{nil}, nil
	case p.accept("EXISTS"):
		if !p.accept("(") {
			return nil, p.unexpected()
		}
		prop, err := p.property()
		if err == nil && !p.accept(")") {
			err = p.unexpected()
		}
		return exists{prop}, err
	case t.kind == word && len(p.tokens) > 1 && p.tokens[1].is("("):
		return p.call()
	}
	return p.property()
}

// call is newid() or property(name).
func (p *parser) call() (node, error) {
	name := p.next()
	p.next() // the parenthesis
	if strings.EqualFold(name.text, "newid") {
		if !p.accept(")") {
			return nil, p.unexpected()
		}
		return newID{}, nil
	}
	if !strings.EqualFold(name.text, "property") && !strings.EqualFold(name.text, "p") {
		return nil, invalid("position %d: no function %.40q", name.at+1, name.text)
	}
	e, err := p.sum()
	if err == nil && !p.accept(")") {
		err = p.unexpected()
	}
	return lookup{e}, err
}

// property is a name with an optional scope.
func (p *parser) property() (property, error) {
	name, err := p.name()
	if err != nil {
		return property{}, err
	}
	scope := ""
	if p.accept(".") {
		scope = strings.ToLower(name)
		if name, err = p.name(); err != nil {
			return property{}, err
		}
	}
	switch scope {
	case "", "user":
		return property{key: name}, nil
	case "sys":
		position, ok := system(name)
		if !ok {
			return property{}, invalid("there is no system property %.60q", name)
		}
		return property{key: name, system: true, position: position}, nil
	}
	return property{}, invalid("scope %.60q; sys and user are", scope)
}

func (p *parser) name() (string, error) {
	t := p.peek()
	if t.kind == quoted || t.kind == word && !reserved(t.text) {
		p.next()
		return t.text, nil
	}
	return "", p.unexpected()
}
