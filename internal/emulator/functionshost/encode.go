package functionshost

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The host serialises with Newtonsoft.Json. These functions produce its exact text, because
// a handler is only tested by what it will really get: compact, <>& raw, \u0085 escaped,
// floats in .NET's form.

// quoted returns s as a JSON string.
func quoted(s string) string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.ToValidUTF8(s, "\ufffd")); err != nil {
		panic("functionshost: " + err.Error()) // unreachable: a string always encodes
	}
	text := strings.TrimSuffix(buf.String(), "\n")
	return strings.ReplaceAll(text, "\u0085", `\u0085`)
}

// text returns the JSON text of a .NET value, before the second encoding.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quoted(v)
	case bool:
		return strconv.FormatBool(v)
	case []byte:
		return `"` + base64.StdEncoding.EncodeToString(v) + `"`
	case time.Time:
		return `"` + ticks(v) + `Z"`
	case float64:
		return float(v, 64)
	case float32:
		return float(float64(v), 32)
	case [16]byte:
		return `"` + guid(v) + `"`
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	case fmt.Stringer:
		return quoted(v.String())
	default:
		return quoted(fmt.Sprint(v))
	}
}

// object writes a dictionary; .NET keeps the wire's order, which a Go map has lost, so keys
// are sorted.
func object(m map[string]any) string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var b strings.Builder
	b.WriteByte('{')
	for n, key := range keys {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(key) + ":" + text(m[key]))
	}
	b.WriteByte('}')
	return b.String()
}

// ticks formats a time as Newtonsoft does, without a zone: up to 7 digits of fraction,
// trailing zeros cut.
func ticks(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999") }

// seconds formats the dates of single messages, which lose their fraction on the way
// through culture text.
func seconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// guid formats 16 bytes in network order.
func guid(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newGUID returns a random (version 4) identifier.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return guid(b)
}

// float formats as .NET's shortest round-trip form with the decimal point that Newtonsoft
// adds: 1 is 1.0, 1e3 is 1000.0, 1e20 is 1E+20, 1e-7 is 1E-07.
func float(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return `"NaN"`
	case math.IsInf(f, 1):
		return `"Infinity"`
	case math.IsInf(f, -1):
		return `"-Infinity"`
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	e, err := strconv.Atoi(exp)
	if err != nil {
		panic("functionshost: " + err.Error()) // unreachable: FormatFloat wrote it
	}
	if e >= 15 || e <= -5 {
		return fmt.Sprintf("%sE%+03d", mantissa, e)
	}
	plain := strconv.FormatFloat(f, 'f', -1, bits)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	return plain
}

// reserialised parses JSON and writes it as the host does after its own parsing: compact,
// order kept, integers of any size kept, floats in .NET's form.
func reserialised(raw []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var b strings.Builder
	if err := copyValue(dec, &b); err != nil {
		return "", err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("text after the JSON value")
	}
	return b.String(), nil
}

func copyValue(dec *json.Decoder, b *strings.Builder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		return copyNested(dec, b, v)
	case json.Number:
		return copyNumber(b, v.String())
	default:
		b.WriteString(text(v))
		return nil
	}
}

func copyNested(dec *json.Decoder, b *strings.Builder, open json.Delim) error {
	b.WriteString(open.String())
	for n := 0; dec.More(); n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			b.WriteString(text(key) + ":")
		}
		if err := copyValue(dec, b); err != nil {
			return err
		}
	}
	end, err := dec.Token()
	if err != nil {
		return err
	}
	b.WriteString(end.(json.Delim).String())
	return nil
}

func copyNumber(b *strings.Builder, number string) error {
	if !strings.ContainsAny(number, ".eE") {
		if number == "-0" {
			number = "0"
		}
		b.WriteString(number)
		return nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("number %.40s: %w", number, err)
	}
	b.WriteString(float(f, 64))
	return nil
}
