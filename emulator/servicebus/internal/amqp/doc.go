// Package amqp is the part of AMQP 1.0 (OASIS, 2012) that a Service Bus speaks: the type
// system, frames, performatives and message sections.
//
// It reads what a client sends and writes what a client expects. Message contents are kept
// as the bytes the sender wrote; only headers, annotations and application properties are
// ever written anew, so that what a broker does not understand passes through unchanged.
//
// Everything here reads untrusted bytes: lengths and counts are checked against what is
// present before anything is allocated, and nesting is limited.
package amqp

import (
	"errors"
	"fmt"
)

// MaxDepth is how deeply lists, maps, arrays and described values may nest. Service Bus
// clients need four.
const MaxDepth = 16

// maxElements bounds the elements of one array whose elements take no bytes (nulls, true,
// empty lists): a few bytes could otherwise ask for 2^32 of them.
const maxElements = 65536

// ErrMalformed is the kind of every decoding error.
var ErrMalformed = errors.New("malformed AMQP data")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrMalformed)
}

// Symbol is an AMQP symbol: an ASCII name such as an annotation key.
type Symbol string

// UUID is an AMQP uuid, in the byte order of RFC 4122.
type UUID [16]byte

// Map is an AMQP map in the order of the wire; keys may be of any type.
type Map []Entry

// Entry is one key and value of a Map.
type Entry struct{ Key, Value any }

// Get returns the value of a string or symbol key, or nil.
func (m Map) Get(key string) any {
	for _, e := range m {
		switch k := e.Key.(type) {
		case string:
			if k == key {
				return e.Value
			}
		case Symbol:
			if string(k) == key {
				return e.Value
			}
		}
	}
	return nil
}

// String returns the text of a string or symbol value of key, or "".
func (m Map) String(key string) string {
	switch v := m.Get(key).(type) {
	case string:
		return v
	case Symbol:
		return string(v)
	}
	return ""
}

// Array is an AMQP array: values of one type.
type Array []any

// Described is a value with a descriptor that gives it meaning.
type Described struct{ Descriptor, Value any }

// Decimal is an AMQP decimal32, decimal64 or decimal128 as it came: nothing here computes
// with them.
type Decimal []byte
