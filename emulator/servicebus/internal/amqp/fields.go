package amqp

// Fields reads the fields of a composite in order. A missing or null field reads as the
// default; the first error stays and is returned by Err.
type Fields struct {
	d   Decoder
	n   int
	err error
}

// Composite reads a described list: its numeric descriptor and its fields.
func (d *Decoder) Composite() (uint64, *Fields, error) {
	code, err := d.descriptor()
	if err != nil {
		return 0, nil, err
	}
	c, err := d.code()
	if err != nil {
		return 0, nil, err
	}
	switch c {
	case codeList0:
		return code, &Fields{}, nil
	case codeList8, codeList32:
		in, n, err := d.compound(c)
		return code, &Fields{d: in, n: n}, err
	}
	return 0, nil, malformed("composite 0x%02x is not a list (type code 0x%02x)", code, c)
}

func (d *Decoder) descriptor() (uint64, error) {
	c, err := d.code()
	if err != nil {
		return 0, err
	}
	if c != codeDescribed {
		return 0, malformed("described value expected, type code 0x%02x", c)
	}
	v, err := d.Value()
	if err != nil {
		return 0, err
	}
	code, ok := v.(uint64)
	if !ok {
		return 0, malformed("descriptor of type %T", v)
	}
	return code, nil
}

// Err returns the first error met.
func (f *Fields) Err() error { return f.err }

// Raw returns the bytes of the next field, nil if it is missing or null.
func (f *Fields) Raw() []byte {
	if f.err != nil || f.n == 0 {
		return nil
	}
	f.n--
	if len(f.d.b) > 0 && f.d.b[0] == codeNull {
		f.d.b = f.d.b[1:]
		return nil
	}
	raw, err := f.d.Raw()
	f.err = err
	return raw
}

// next reads a field as T, or returns the default.
func next[T any](f *Fields, def T) T {
	if v, ok := optional[T](f); ok {
		return v
	}
	return def
}

func optional[T any](f *Fields) (T, bool) {
	var zero T
	if f.err != nil || f.n == 0 {
		return zero, false
	}
	f.n--
	v, err := f.d.Value()
	if err != nil {
		f.err = err
		return zero, false
	}
	if v == nil {
		return zero, false
	}
	t, ok := v.(T)
	if !ok {
		f.err = malformed("field of type %T, want %T", v, zero)
	}
	return t, ok
}

// pointer reads an optional field whose absence means something.
func pointer[T any](f *Fields) *T {
	if v, ok := optional[T](f); ok {
		return &v
	}
	return nil
}
