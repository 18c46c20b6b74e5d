package amqp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The encodings are those of the standard's part 1, section 1.6.
func TestDecodeValues(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     any
	}{
		{"null", "40", nil},
		{"true", "41", true},
		{"false", "42", false},
		{"boolean", "5601", true},
		{"ubyte", "50ff", uint8(255)},
		{"ushort", "60 0102", uint16(258)},
		{"uint0", "43", uint32(0)},
		{"smalluint", "52 07", uint32(7)},
		{"uint", "70 00010000", uint32(65536)},
		{"ulong0", "44", uint64(0)},
		{"smallulong", "53 07", uint64(7)},
		{"ulong", "80 0000000100000000", uint64(1 << 32)},
		{"byte", "51 ff", int8(-1)},
		{"short", "61 ffff", int16(-1)},
		{"smallint", "54 ff", int32(-1)},
		{"int", "71 ffffffff", int32(-1)},
		{"smalllong", "55 ff", int64(-1)},
		{"long", "81 ffffffffffffffff", int64(-1)},
		{"float", "72 3f800000", float32(1)},
		{"double", "82 3ff0000000000000", float64(1)},
		{"char", "73 00000041", 'A'},
		{"timestamp", "83 00000000000003e8", time.Unix(1, 0).UTC()},
		{"uuid", "98 000102030405060708090a0b0c0d0e0f", UUID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{"decimal32", "74 01020304", Decimal{1, 2, 3, 4}},
		{"bin8", "a0 02 0102", []byte{1, 2}},
		{"bin32", "b0 00000002 0102", []byte{1, 2}},
		{"str8", "a1 02 6869", "hi"},
		{"str32", "b1 00000002 6869", "hi"},
		{"sym8", "a3 02 6869", Symbol("hi")},
		{"sym32", "b3 00000002 6869", Symbol("hi")},
		{"list0", "45", []any{}},
		{"list8", "c0 03 02 41 43", []any{true, uint32(0)}},
		{"list32", "d0 00000006 00000002 41 43", []any{true, uint32(0)}},
		{"map8", "c1 05 02 a1 01 61 41", Map{{"a", true}}},
		{"map32", "d1 00000008 00000002 a1 01 61 41", Map{{"a", true}}},
		{"array8", "e0 04 02 50 01 02", Array{uint8(1), uint8(2)}},
		{"array32", "f0 0000000d 00000002 83 0000000000000000", nil}, // one timestamp short
		{"described", "00 53 24 45", Described{uint64(0x24), []any{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := unhex(t, c.in)
			d := NewDecoder(raw)
			got, err := d.Value()
			if c.name == "array32" {
				if !errors.Is(err, ErrMalformed) {
					t.Fatalf("error %v, want %v", err, ErrMalformed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
			if d.Len() != 0 {
				t.Errorf("%d bytes left", d.Len())
			}
			d = NewDecoder(append(raw, 0x41))
			span, err := d.Raw()
			if err != nil || !bytes.Equal(span, raw) {
				t.Errorf("raw %x, error %v, want %x", span, err, raw)
			}
			if again, err := appendScalar(nil, got); err == nil {
				if v, err := NewDecoder(again).Value(); err != nil || !reflect.DeepEqual(v, got) {
					t.Errorf("encoded again %x: %#v, error %v", again, v, err)
				}
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"nothing", ""},
		{"unknown code", "10"},
		{"unknown width 1", "5a 00"},
		{"cut off", "80 0000"},
		{"string longer than the data", "b1 7fffffff 61"},
		{"list longer than the data", "d0 ffffffff 00000001 41"},
		{"more elements than bytes", "d0 00000005 7fffffff 41"},
		{"count beyond the standard", "d0 00000005 ffffffff 41"},
		{"odd map", "c1 02 01 41"},
		{"array of nothings", "f0 00000005 7fffffff 40"},
		{"array without a type", "e0 01 01"},
		{"nested descriptors", strings.Repeat("00", 40) + "41"},
		{"nested lists", strings.Repeat("c0ff01", 20) + "41"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := NewDecoder(unhex(t, c.in)).Value(); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %#v, error %v", v, err)
			}
		})
	}
}

func TestNestingLimit(t *testing.T) {
	nest := func(n int) []byte {
		b := []byte{codeTrue}
		for range n {
			inner := b
			outer, c := BeginList(nil)
			b = c.End(append(outer, inner...), 1)
		}
		return b
	}
	if _, err := NewDecoder(nest(MaxDepth)).Value(); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	if _, err := NewDecoder(nest(MaxDepth + 1)).Value(); !errors.Is(err, ErrMalformed) {
		t.Errorf("depth %d: error %v", MaxDepth+1, err)
	}
}

func TestPerformativesRoundTrip(t *testing.T) {
	u16, u32 := uint16(3), uint32(70000)
	type performative interface {
		Append([]byte) []byte
		Read(*Fields) error
	}
	for _, c := range []struct {
		name      string
		code      uint64
		in, empty performative
	}{
		{"open", CodeOpen, &Open{ContainerID: "c", MaxFrameSize: 512, ChannelMax: 9, IdleTimeout: 1000}, &Open{}},
		{"begin", CodeBegin, &Begin{RemoteChannel: &u16, NextOutgoingID: 1, IncomingWindow: 2, OutgoingWindow: 3, HandleMax: 4}, &Begin{}},
		{"attach", CodeAttach, &Attach{
			Name: "l", Handle: 1, Role: RoleSender, SenderMode: 1, ReceiverMode: 1, Source: []byte{0x00, 0x53, 0x28, 0x45},
			InitialDeliveryCount: 5, MaxMessageSize: 99,
		}, &Attach{}},
		{"flow", CodeFlow, &Flow{NextIncomingID: &u32, IncomingWindow: 1, Handle: &u32, DeliveryCount: &u32, LinkCredit: &u32, Drain: true, Echo: true}, &Flow{}},
		{"transfer", CodeTransfer, &Transfer{Handle: 1, DeliveryID: &u32, DeliveryTag: []byte{1, 2}, MessageFormat: FormatBatch, Settled: true, More: true}, &Transfer{}},
		{"disposition", CodeDisposition, &Disposition{Role: true, First: 1, Last: 2, Settled: true, State: AppendState(nil, StateAccepted, nil)}, &Disposition{}},
		{"detach", CodeDetach, &Detach{Handle: 6}, &Detach{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, f, err := NewDecoder(c.in.Append(nil)).Composite()
			if err != nil || code != c.code {
				t.Fatalf("code 0x%02x, error %v", code, err)
			}
			if err := c.empty.Read(f); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(c.in, c.empty) {
				t.Errorf("got %+v, want %+v", c.empty, c.in)
			}
			// Every field is on the wire, nulls included.
			v, err := NewDecoder(c.in.Append(nil)).Value()
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"open": 10, "begin": 8, "attach": 14, "flow": 11, "transfer": 11, "disposition": 6, "detach": 3}[c.name]
			if n := len(v.(Described).Value.([]any)); n != want {
				t.Errorf("%d fields, want %d", n, want)
			}
		})
	}
}

func TestFieldsOfTheWrongType(t *testing.T) {
	_, f, err := NewDecoder(unhex(t, "00 53 16 c0 04 01 a1 01 61")).Composite() // detach{handle: "a"}
	if err != nil {
		t.Fatal(err)
	}
	var d Detach
	if err := d.Read(f); !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestFrames(t *testing.T) {
	b, at := BeginFrame(nil, FrameAMQP, 7)
	b = EndFrame(append(b, "body"...), at)
	b = append(b, 0, 0, 0, 8, 2, 0, 0, 0) // empty
	fr := NewFrameReader(bufio.NewReader(bytes.NewReader(b)), 100)
	f, err := fr.ReadFrame()
	if err != nil || f.Channel != 7 || f.Type != FrameAMQP || string(f.Body) != "body" {
		t.Fatalf("%+v, error %v", f, err)
	}
	if f, err = fr.ReadFrame(); err != nil || len(f.Body) != 0 {
		t.Fatalf("%+v, error %v", f, err)
	}
	if _, err = fr.ReadFrame(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	for name, in := range map[string]string{
		"too large": "00000065 02000000", "too small": "00000007 02000000", "offset small": "00000008 01000000",
		"offset large": "00000008 03000000",
	} {
		if _, err := NewFrameReader(bufio.NewReader(bytes.NewReader(unhex(t, in))), 100).ReadFrame(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewFrameReader(bufio.NewReader(bytes.NewReader(unhex(t, "00000009 02000000"))), 100).ReadFrame(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}

func TestEntity(t *testing.T) {
	for in, want := range map[string]string{
		"Q": "q", "/q": "q", "amqp://127.0.0.1:5672/Q/$DeadLetterQueue": "q/$deadletterqueue",
		"sb://ns.servicebus.windows.net/a/b/": "a/b", "amqp://host": "", "": "",
	} {
		if got := Entity(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"40", "c00302 4143", "00532445", "f0000000050000000241", "e00402500102", "c10502a1016141"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDecoder(b)
		if _, err := d.Value(); err != nil {
			return
		}
		// What decodes also skips, over the same bytes.
		r := NewDecoder(b)
		if _, err := r.Raw(); err != nil || r.Len() != d.Len() {
			t.Fatalf("value leaves %d bytes, raw %d, error %v", d.Len(), r.Len(), err)
		}
	})
}

func FuzzFrame(f *testing.F) {
	u := uint32(1)
	for _, p := range []interface{ Append([]byte) []byte }{
		&Open{ContainerID: "c"}, &Begin{}, &Attach{Name: "l", Source: []byte{0x00, 0x53, 0x28, 0x45}}, &Flow{Handle: &u},
		&Transfer{DeliveryID: &u}, &Disposition{State: AppendState(nil, StateRejected, &Error{Condition: "c"})}, &Detach{},
	} {
		b, at := BeginFrame(nil, FrameAMQP, 0)
		f.Add(EndFrame(p.Append(b), at))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := NewFrameReader(bufio.NewReader(bytes.NewReader(b)), 4096)
		for {
			frame, err := fr.ReadFrame()
			if err != nil {
				return
			}
			code, fields, err := NewDecoder(frame.Body).Composite()
			if err != nil {
				continue
			}
			switch code {
			case CodeOpen:
				_ = new(Open).Read(fields)
			case CodeBegin:
				_ = new(Begin).Read(fields)
			case CodeAttach:
				var a Attach
				if a.Read(fields) == nil {
					_, _ = ReadTerminus(a.Source)
					_, _ = ReadTerminus(a.Target)
				}
			case CodeFlow:
				_ = new(Flow).Read(fields)
			case CodeTransfer:
				_ = new(Transfer).Read(fields)
			case CodeDisposition:
				var d Disposition
				if d.Read(fields) == nil && d.State != nil {
					_, _ = ReadState(d.State)
				}
			case CodeDetach:
				_ = new(Detach).Read(fields)
			}
		}
	})
}
