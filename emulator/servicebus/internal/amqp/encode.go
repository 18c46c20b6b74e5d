package amqp

import (
	"encoding/binary"
	"math"
	"time"
)

// The Append functions write one value each and return the longer buffer, in the manner
// of package strconv.

// AppendNull writes null.
func AppendNull(b []byte) []byte { return append(b, codeNull) }

// AppendBool writes a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendUbyte writes a ubyte.
func AppendUbyte(b []byte, v uint8) []byte { return append(b, codeUbyte, v) }

// AppendUshort writes a ushort.
func AppendUshort(b []byte, v uint16) []byte {
	return binary.BigEndian.AppendUint16(append(b, codeUshort), v)
}

// AppendUint writes a uint in its shortest form.
func AppendUint(b []byte, v uint32) []byte {
	switch {
	case v == 0:
		return append(b, codeUint0)
	case v < 256:
		return append(b, codeSmallUint, byte(v))
	}
	return binary.BigEndian.AppendUint32(append(b, codeUint), v)
}

// AppendUlong writes a ulong in its shortest form.
func AppendUlong(b []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(b, codeUlong0)
	case v < 256:
		return append(b, codeSmallUlng, byte(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUlong), v)
}

// AppendInt writes an int.
func AppendInt(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, codeInt), uint32(v))
}

// AppendLong writes a long.
func AppendLong(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeLong), uint64(v))
}

// AppendTimestamp writes a timestamp, in milliseconds as AMQP has it.
func AppendTimestamp(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeTimestamp), uint64(t.UnixMilli()))
}

// AppendUUID writes a uuid.
func AppendUUID(b []byte, v UUID) []byte { return append(append(b, codeUUID), v[:]...) }

func appendVariable[T ~string | ~[]byte](b []byte, short byte, v T) []byte {
	if len(v) < 256 {
		return append(append(b, short, byte(len(v))), v...)
	}
	return append(binary.BigEndian.AppendUint32(append(b, short+0x10), uint32(len(v))), v...)
}

// AppendString writes a string.
func AppendString(b []byte, v string) []byte { return appendVariable(b, codeStr8, v) }

// AppendSymbol writes a symbol.
func AppendSymbol(b []byte, v string) []byte { return appendVariable(b, codeSym8, v) }

// AppendBinary writes a binary.
func AppendBinary(b, v []byte) []byte { return appendVariable(b, codeBin8, v) }

// appendScalar writes a value as Decoder.Value returned it, unless it has parts.
func appendScalar(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNull(b), nil
	case bool:
		return AppendBool(b, v), nil
	case uint8:
		return AppendUbyte(b, v), nil
	case uint16:
		return AppendUshort(b, v), nil
	case uint32:
		return AppendUint(b, v), nil
	case uint64:
		return AppendUlong(b, v), nil
	case int8:
		return append(b, codeByte, byte(v)), nil
	case int16:
		return binary.BigEndian.AppendUint16(append(b, codeShort), uint16(v)), nil
	case int32: // also a char, which no client sends here
		return AppendInt(b, v), nil
	case int64:
		return AppendLong(b, v), nil
	case float32:
		return binary.BigEndian.AppendUint32(append(b, codeFloat), math.Float32bits(v)), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, codeDouble), math.Float64bits(v)), nil
	case time.Time:
		return AppendTimestamp(b, v), nil
	case UUID:
		return AppendUUID(b, v), nil
	case string:
		return AppendString(b, v), nil
	case Symbol:
		return AppendSymbol(b, string(v)), nil
	case []byte:
		return AppendBinary(b, v), nil
	}
	return b, malformed("value of type %T where a simple one is wanted", v)
}

// EncodePairs turns a decoded map with text keys and simple values, or null, into pairs.
func EncodePairs(v any) ([]Pair, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(Map)
	if !ok {
		return nil, malformed("map expected, got %T", v)
	}
	pairs := make([]Pair, 0, len(m))
	for _, e := range m {
		key, ok := e.Key.(string)
		if s, isSymbol := e.Key.(Symbol); isSymbol {
			key, ok = string(s), true
		}
		if !ok {
			return nil, malformed("map key of type %T", e.Key)
		}
		value, err := appendScalar(nil, e.Value)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, nil
}

// Compound is a list, map or array being written; see BeginList.
type Compound struct{ at int }

// BeginList starts a list; what is appended until End are its elements.
func BeginList(b []byte) ([]byte, Compound) { return begin(b, codeList32) }

// BeginMap starts a map; what is appended until End are its keys and values.
func BeginMap(b []byte) ([]byte, Compound) { return begin(b, codeMap32) }

func begin(b []byte, code byte) ([]byte, Compound) {
	b = append(b, code, 0, 0, 0, 0, 0, 0, 0, 0)
	return b, Compound{at: len(b) - 8}
}

// End writes the size of the compound and its count: elements, or keys plus values.
func (c Compound) End(b []byte, count int) []byte {
	binary.BigEndian.PutUint32(b[c.at:], uint32(len(b)-c.at-4))
	binary.BigEndian.PutUint32(b[c.at+4:], uint32(count))
	return b
}

// beginDescribed starts a composite: a list described by a code.
func beginDescribed(b []byte, descriptor uint64) ([]byte, Compound) {
	return BeginList(appendDescriptor(b, descriptor))
}

func appendDescriptor(b []byte, descriptor uint64) []byte {
	return AppendUlong(append(b, codeDescribed), descriptor)
}

// AppendTimestampArray writes an array of timestamps.
func AppendTimestampArray(b []byte, times []time.Time) []byte {
	b, c := begin(b, codeArray32)
	b = append(b, codeTimestamp)
	for _, t := range times {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
	}
	return c.End(b, len(times))
}

// AppendLongArray writes an array of longs.
func AppendLongArray(b []byte, values []int64) []byte {
	b, c := begin(b, codeArray32)
	b = append(b, codeLong)
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return c.End(b, len(values))
}

// AppendStringArray writes an array of strings.
func AppendStringArray(b []byte, values []string) []byte {
	b, c := begin(b, codeArray32)
	b = append(b, codeStr32)
	for _, v := range values {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return c.End(b, len(values))
}

// AppendDescribed writes the constructor of a described value; the value follows.
func AppendDescribed(b []byte, descriptor uint64) []byte { return appendDescriptor(b, descriptor) }

// AppendScalar writes a simple value as Decoder.Value returned it.
func AppendScalar(b []byte, v any) ([]byte, error) { return appendScalar(b, v) }
