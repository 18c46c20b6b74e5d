package amqp

import (
	"encoding/binary"
	"math"
	"time"
)

// Type codes, AMQP 1.0 part 1, section 1.6.
const (
	codeDescribed = 0x00
	codeNull      = 0x40
	codeTrue      = 0x41
	codeFalse     = 0x42
	codeUint0     = 0x43
	codeUlong0    = 0x44
	codeList0     = 0x45
	codeUbyte     = 0x50
	codeByte      = 0x51
	codeSmallUint = 0x52
	codeSmallUlng = 0x53
	codeSmallInt  = 0x54
	codeSmallLong = 0x55
	codeBool      = 0x56
	codeUshort    = 0x60
	codeShort     = 0x61
	codeUint      = 0x70
	codeInt       = 0x71
	codeFloat     = 0x72
	codeChar      = 0x73
	codeDecimal32 = 0x74
	codeUlong     = 0x80
	codeLong      = 0x81
	codeDouble    = 0x82
	codeTimestamp = 0x83
	codeDecimal64 = 0x84
	codeDecimal28 = 0x94
	codeUUID      = 0x98
	codeBin8      = 0xa0
	codeStr8      = 0xa1
	codeSym8      = 0xa3
	codeBin32     = 0xb0
	codeStr32     = 0xb1
	codeSym32     = 0xb3
	codeList8     = 0xc0
	codeMap8      = 0xc1
	codeList32    = 0xd0
	codeMap32     = 0xd1
	codeArray8    = 0xe0
	codeArray32   = 0xf0
)

// Decoder reads values from a buffer. Byte slices it returns point into that buffer.
type Decoder struct {
	b     []byte
	depth int
}

// NewDecoder returns a decoder of b.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Len is the number of bytes not yet read.
func (d *Decoder) Len() int { return len(d.b) }

// Rest returns the bytes not yet read.
func (d *Decoder) Rest() []byte { return d.b }

func (d *Decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.b) {
		return nil, malformed("%d bytes wanted, %d left", n, len(d.b))
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v, nil
}

func (d *Decoder) code() (byte, error) {
	if len(d.b) == 0 {
		return 0, malformed("value missing")
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c, nil
}

// length reads the size of a variable-width or compound value whose code has the width
// class in its upper four bits: 0xa, 0xc and 0xe carry one byte, the others four.
func (d *Decoder) length(code byte) (int, error) {
	wide := code&0x10 != 0
	if !wide {
		v, err := d.take(1)
		if err != nil {
			return 0, err
		}
		return int(v[0]), nil
	}
	v, err := d.take(4)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(v)
	if uint64(n) > uint64(len(d.b)) {
		return 0, malformed("length %d, %d bytes left", n, len(d.b))
	}
	return int(n), nil
}

// compound reads the size and count of a list, map or array and returns a decoder of its
// elements.
func (d *Decoder) compound(code byte) (Decoder, int, error) {
	n, err := d.length(code)
	if err != nil {
		return Decoder{}, 0, err
	}
	body, err := d.take(n)
	if err != nil {
		return Decoder{}, 0, err
	}
	in := Decoder{b: body, depth: d.depth + 1}
	if in.depth > MaxDepth {
		return Decoder{}, 0, malformed("nesting deeper than %d", MaxDepth)
	}
	var count int
	if code&0x10 == 0 {
		v, err := in.take(1)
		if err != nil {
			return Decoder{}, 0, err
		}
		count = int(v[0])
	} else {
		v, err := in.take(4)
		if err != nil {
			return Decoder{}, 0, err
		}
		c := binary.BigEndian.Uint32(v)
		if c > math.MaxInt32 {
			return Decoder{}, 0, malformed("count %d", c)
		}
		count = int(c)
	}
	// Elements of lists and maps take a byte at least; arrays check their own.
	if code&0xe0 != 0xe0 && count > len(in.b) {
		return Decoder{}, 0, malformed("count %d in %d bytes", count, len(in.b))
	}
	return in, count, nil
}

// Raw reads one value without interpreting it and returns its bytes. The inside of lists,
// maps and arrays is not checked.
func (d *Decoder) Raw() ([]byte, error) {
	start := d.b
	if err := d.skip(0); err != nil {
		return nil, err
	}
	n := len(start) - len(d.b)
	return start[:n:n], nil
}

func (d *Decoder) skip(depth int) error {
	c, err := d.code()
	if err != nil {
		return err
	}
	n := 0
	switch c >> 4 {
	case 0x0:
		if c != codeDescribed {
			return malformed("type code 0x%02x", c)
		}
		if depth >= MaxDepth {
			return malformed("nesting deeper than %d", MaxDepth)
		}
		if err := d.skip(depth + 1); err != nil {
			return err
		}
		return d.skip(depth + 1)
	case 0x4:
	case 0x5:
		n = 1
	case 0x6:
		n = 2
	case 0x7:
		n = 4
	case 0x8:
		n = 8
	case 0x9:
		n = 16
	case 0xa, 0xb, 0xc, 0xd, 0xe, 0xf:
		if n, err = d.length(c); err != nil {
			return err
		}
	default:
		return malformed("type code 0x%02x", c)
	}
	_, err = d.take(n)
	return err
}

// Value reads one value of any type: nil, bool, sized integers and floats, rune (char),
// time.Time, UUID, []byte, string, Symbol, Decimal, []any (list), Map, Array, Described.
func (d *Decoder) Value() (any, error) {
	c, err := d.code()
	if err != nil {
		return nil, err
	}
	if c == codeDescribed {
		d.depth++
		defer func() { d.depth-- }()
		if d.depth > MaxDepth {
			return nil, malformed("nesting deeper than %d", MaxDepth)
		}
		desc, err := d.Value()
		if err != nil {
			return nil, err
		}
		v, err := d.Value()
		return Described{desc, v}, err
	}
	return d.value(c)
}

// value reads a value whose type code has been read; arrays read theirs once for all.
func (d *Decoder) value(c byte) (any, error) {
	switch c {
	case codeNull:
		return nil, nil
	case codeTrue:
		return true, nil
	case codeFalse:
		return false, nil
	case codeUint0:
		return uint32(0), nil
	case codeUlong0:
		return uint64(0), nil
	case codeList0:
		return []any{}, nil
	case codeList8, codeList32:
		return d.list(c)
	case codeMap8, codeMap32:
		return d.mapping(c)
	case codeArray8, codeArray32:
		return d.array(c)
	case codeBin8, codeBin32, codeStr8, codeStr32, codeSym8, codeSym32:
		n, err := d.length(c)
		if err != nil {
			return nil, err
		}
		v, err := d.take(n)
		if err != nil {
			return nil, err
		}
		switch c {
		case codeStr8, codeStr32:
			return string(v), nil
		case codeSym8, codeSym32:
			return Symbol(v), nil
		}
		return v, nil
	}
	return d.fixed(c)
}

func (d *Decoder) fixed(c byte) (any, error) {
	class := c >> 4
	if class < 0x5 || class > 0x9 {
		return nil, malformed("type code 0x%02x", c)
	}
	v, err := d.take(1 << (class - 5)) // 1, 2, 4, 8 or 16 bytes
	if err != nil {
		return nil, err
	}
	switch c {
	case codeUbyte:
		return v[0], nil
	case codeByte:
		return int8(v[0]), nil
	case codeSmallUint:
		return uint32(v[0]), nil
	case codeSmallUlng:
		return uint64(v[0]), nil
	case codeSmallInt:
		return int32(int8(v[0])), nil
	case codeSmallLong:
		return int64(int8(v[0])), nil
	case codeBool:
		return v[0] != 0, nil
	case codeUshort:
		return binary.BigEndian.Uint16(v), nil
	case codeShort:
		return int16(binary.BigEndian.Uint16(v)), nil
	case codeUint:
		return binary.BigEndian.Uint32(v), nil
	case codeInt:
		return int32(binary.BigEndian.Uint32(v)), nil
	case codeFloat:
		return math.Float32frombits(binary.BigEndian.Uint32(v)), nil
	case codeChar:
		return rune(binary.BigEndian.Uint32(v)), nil
	case codeUlong:
		return binary.BigEndian.Uint64(v), nil
	case codeLong:
		return int64(binary.BigEndian.Uint64(v)), nil
	case codeDouble:
		return math.Float64frombits(binary.BigEndian.Uint64(v)), nil
	case codeTimestamp:
		return time.UnixMilli(int64(binary.BigEndian.Uint64(v))).UTC(), nil
	case codeUUID:
		return UUID(v), nil
	case codeDecimal32, codeDecimal64, codeDecimal28:
		return Decimal(v), nil
	}
	return nil, malformed("type code 0x%02x", c)
}

func (d *Decoder) list(c byte) (any, error) {
	in, n, err := d.compound(c)
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, min(n, 64))
	for range n {
		v, err := in.Value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (d *Decoder) mapping(c byte) (any, error) {
	in, n, err := d.compound(c)
	if err != nil {
		return nil, err
	}
	if n%2 != 0 {
		return nil, malformed("map of %d keys and values", n)
	}
	out := make(Map, 0, min(n/2, 64))
	for range n / 2 {
		k, err := in.Value()
		if err != nil {
			return nil, err
		}
		v, err := in.Value()
		if err != nil {
			return nil, err
		}
		out = append(out, Entry{k, v})
	}
	return out, nil
}

func (d *Decoder) array(c byte) (any, error) {
	in, n, err := d.compound(c)
	if err != nil {
		return nil, err
	}
	ec, err := in.code()
	if err != nil {
		return nil, err
	}
	var desc any
	described := ec == codeDescribed
	if described {
		if desc, err = in.Value(); err != nil {
			return nil, err
		}
		if ec, err = in.code(); err != nil {
			return nil, err
		}
	}
	if ec == codeDescribed {
		return nil, malformed("array of values described twice")
	}
	if n > maxElements && n > in.Len() {
		return nil, malformed("array of %d elements", n)
	}
	out := make(Array, 0, min(n, 64))
	for range n {
		v, err := in.value(ec)
		if err != nil {
			return nil, err
		}
		if described {
			v = Described{desc, v}
		}
		out = append(out, v)
	}
	return out, nil
}
