package amqp

// Descriptors of delivery states, AMQP 1.0 part 3, section 3.4.
const (
	StateReceived = 0x23
	StateAccepted = 0x24
	StateRejected = 0x25
	StateReleased = 0x26
	StateModified = 0x27
)

// Error is an AMQP error; a condition is mandatory.
type Error struct {
	Condition   string
	Description string
}

func (e *Error) Error() string { return e.Condition + ": " + e.Description }

func appendError(b []byte, e *Error) []byte {
	if e == nil {
		return AppendNull(b)
	}
	b, c := beginDescribed(b, codeError)
	b = AppendSymbol(b, e.Condition)
	b = AppendString(b, e.Description)
	return c.End(AppendNull(b), 3)
}

// readError reads an encoded error without its info; nil is none.
func readError(raw []byte) (*Error, error) {
	if raw == nil {
		return nil, nil
	}
	_, f, err := NewDecoder(raw).Composite()
	if err != nil {
		return nil, err
	}
	e := &Error{Condition: string(next(f, Symbol(""))), Description: next(f, "")}
	return e, f.Err()
}

// State is a delivery state as a client sends it.
type State struct {
	Code uint64
	// UndeliverableHere is Service Bus's way to say "defer" (modified).
	UndeliverableHere bool
	// Pairs are the annotations of a modified or the error's info of a rejected.
	Pairs []Pair
}

// ReadState reads an encoded delivery state.
func ReadState(raw []byte) (State, error) {
	code, f, err := NewDecoder(raw).Composite()
	if err != nil {
		return State{}, err
	}
	s := State{Code: code}
	switch code {
	case StateModified:
		f.Raw() // delivery-failed: Service Bus counts the delivery in any case
		s.UndeliverableHere = next(f, false)
		s.Pairs, err = readPairs(f.Raw())
	case StateRejected:
		var e *Fields
		raw := f.Raw()
		if raw == nil {
			break
		}
		if _, e, err = NewDecoder(raw).Composite(); err != nil {
			return State{}, err
		}
		e.Raw() // condition
		e.Raw() // description
		s.Pairs, err = readPairs(e.Raw())
		if err == nil {
			err = e.Err()
		}
	case StateReceived, StateAccepted, StateReleased:
	default:
		return State{}, malformed("delivery state 0x%02x", code)
	}
	if err != nil {
		return State{}, err
	}
	return s, f.Err()
}

// AppendState writes a delivery state of the given kind without fields, which is how the
// service confirms a settlement: clients differ in whether they accept any other answer.
// A rejected carries the error if there is one.
func AppendState(b []byte, code uint64, e *Error) []byte {
	b = appendDescriptor(b, code)
	if code != StateRejected || e == nil {
		return append(b, codeList0)
	}
	b, c := BeginList(b)
	return c.End(appendError(b, e), 1)
}

// Pair is a key with its value still encoded.
type Pair struct {
	Key   string
	Value []byte
}

// Text returns the value of a pair if it is a string, or "".
func (p Pair) Text() string {
	v, err := NewDecoder(p.Value).Value()
	if err != nil {
		return ""
	}
	s, _ := v.(string)
	return s
}

// TextPair is a pair of a string.
func TextPair(key, value string) Pair {
	return Pair{Key: key, Value: AppendString(nil, value)}
}

// readPairs reads an encoded map with string or symbol keys.
func readPairs(raw []byte) ([]Pair, error) {
	if raw == nil {
		return nil, nil
	}
	d := NewDecoder(raw)
	return d.pairs()
}

func (d *Decoder) pairs() ([]Pair, error) {
	c, err := d.code()
	if err != nil {
		return nil, err
	}
	switch c {
	case codeNull:
		return nil, nil
	case codeMap8, codeMap32:
	default:
		return nil, malformed("map expected, type code 0x%02x", c)
	}
	in, n, err := d.compound(c)
	if err != nil {
		return nil, err
	}
	if n%2 != 0 {
		return nil, malformed("map of %d keys and values", n)
	}
	var pairs []Pair
	for range n / 2 {
		k, err := in.Value()
		if err != nil {
			return nil, err
		}
		var key string
		switch k := k.(type) {
		case string:
			key = k
		case Symbol:
			key = string(k)
		default:
			return nil, malformed("map key of type %T", k)
		}
		v, err := in.Raw()
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, Pair{Key: key, Value: v})
	}
	return pairs, nil
}
