package filter

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end    kind = iota
	word        // a regular identifier or keyword
	quoted      // [identifier] or "identifier"
	text        // 'string'
	number
	parameter // @name
	symbol
)

type token struct {
	kind  kind
	text  string // of a word as written, of a quoted or text its contents
	value any    // of a number: int64 or float64
	at    int
}

// is reports whether the token is a keyword or symbol.
func (t token) is(s string) bool {
	return t.kind == symbol && t.text == s || t.kind == word && strings.EqualFold(t.text, s)
}

// scan takes an expression apart.
func scan(s string) ([]token, error) {
	if n := utf8.RuneCountInString(s); n > maxExpression {
		return nil, invalid("expression of %d characters, at most %d", n, maxExpression)
	}
	var out []token
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		t := token{at: i}
		next := i + width
		switch {
		case unicode.IsSpace(r):
			i = next
			continue
		case r == '\'', r == '"', r == '[':
			contents, n, ok := delimited(s[i:], r)
			if !ok {
				return nil, invalid("position %d: %c is not closed", i+1, r)
			}
			t.text, next, t.kind = contents, i+n, quoted
			if r == '\'' {
				t.kind = text
			}
		case r >= '0' && r <= '9', r == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			n := numeric(s[i:])
			v, err := parseNumber(s[i : i+n])
			if err != nil {
				return nil, invalid("position %d: number %.30q", i+1, s[i:i+n])
			}
			t.kind, t.text, t.value, next = number, s[i:i+n], v, i+n
		case unicode.IsLetter(r), r == '_':
			next = i + identifier(s[i:])
			t.kind, t.text = word, s[i:next]
		case r == '@':
			next = i + 1 + identifier(s[i+1:])
			t.kind, t.text = parameter, s[i:next]
		case strings.HasPrefix(s[i:], "<>"), strings.HasPrefix(s[i:], "!="),
			strings.HasPrefix(s[i:], "<="), strings.HasPrefix(s[i:], ">="):
			next = i + 2
			t.kind, t.text = symbol, s[i:next]
		case strings.ContainsRune("=<>+-*/%(),.;", r):
			t.kind, t.text = symbol, s[i:next]
		default:
			return nil, invalid("position %d: unexpected %q", i+1, r)
		}
		out = append(out, t)
		i = next
	}
	return append(out, token{kind: end, at: len(s)}), nil
}

// delimited reads a quotation, in which the closing mark is written twice to stand for
// itself, and returns its contents and length.
func delimited(s string, open rune) (contents string, n int, ok bool) {
	closing := byte(open)
	if open == '[' {
		closing = ']'
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == closing {
			if i+1 == len(s) || s[i+1] != closing {
				return b.String(), i + 1, true
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return "", 0, false
}

func identifier(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(s)
}

// numeric is the length of a number: digits, a decimal point, an exponent.
func numeric(s string) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	i := digits(0)
	if i < len(s) && s[i] == '.' {
		i = digits(i + 1)
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digits(j); k > j {
			i = k
		}
	}
	return i
}

func parseNumber(s string) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		v, err := strconv.ParseInt(s, 10, 64)
		return v, err
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err
}
