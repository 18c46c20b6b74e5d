package amqp

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// section writes a described value.
func section(code byte, value []byte) []byte {
	return append([]byte{0x00, 0x53, code}, value...)
}

func mapOf(key func([]byte, string) []byte, pairs ...string) []byte {
	b, c := BeginMap(nil)
	for i := 0; i < len(pairs); i += 2 {
		b = AppendString(key(b, pairs[i]), pairs[i+1])
	}
	return c.End(b, len(pairs))
}

func sample() []byte {
	var b []byte
	header, c := BeginList(nil)
	header = c.End(AppendUint(AppendUbyte(AppendBool(header, true), 9), 5000), 3)
	b = append(b, section(sectionHeader, header)...)
	b = append(b, section(sectionDeliveryAnnotations, mapOf(AppendSymbol, "d", "1"))...)
	b = append(b, section(sectionMessageAnnotations, mapOf(AppendSymbol, "x-own", "kept", annSequenceNumber, "forged"))...)
	props, c := BeginList(nil)
	props = c.End(AppendSymbol(appendNulls(AppendString(props, "id-1"), 5), "text/plain"), 7)
	b = append(b, section(sectionProperties, props)...)
	b = append(b, section(sectionApplication, mapOf(AppendString, "k", "v"))...)
	b = append(b, section(sectionData, AppendBinary(nil, []byte("one")))...)
	b = append(b, section(sectionData, AppendBinary(nil, []byte("two")))...)
	return append(b, section(sectionFooter, mapOf(AppendSymbol, "f", "2"))...)
}

func noID() string { return "made" }

// sections decodes a message into its sections, in order.
func sections(t *testing.T, b []byte) []Described {
	t.Helper()
	var out []Described
	for d := NewDecoder(b); d.Len() > 0; {
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v.(Described))
	}
	return out
}

func TestMessageKeepsWhatItDoesNotOwn(t *testing.T) {
	m, err := ReadMessage(sample(), noID)
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "id-1" {
		t.Errorf("id %q", m.ID)
	}
	now := time.Unix(1000, 0).UTC()
	got := sections(t, m.Append(nil, Assigned{
		DeliveryCount: 2, SequenceNumber: 7, EnqueuedSeq: 5, EnqueuedAt: now, LockedUntil: now.Add(time.Minute),
	}))
	var order []uint64
	for _, s := range got {
		order = append(order, s.Descriptor.(uint64))
	}
	if want := []uint64{0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x75, 0x78}; !equal(order, want) {
		t.Fatalf("sections %x, want %x", order, want)
	}
	h := got[0].Value.([]any)
	if h[0] != true || h[1] != uint8(9) || h[2] != uint32(5000) || h[4] != uint32(2) {
		t.Errorf("header %v", h)
	}
	a := got[2].Value.(Map)
	if len(a) != 5 || a.Get(annSequenceNumber) != int64(7) || a.Get(annEnqueuedSeq) != int64(5) || a.Get(annEnqueuedTime) != now ||
		a.Get(annLockedUntil) != now.Add(time.Minute) || a.Get("x-own") != "kept" {
		t.Errorf("annotations %v", a)
	}
	if p := got[3].Value.([]any); p[0] != "id-1" || p[6] != Symbol("text/plain") {
		t.Errorf("properties %v", p)
	}
	if !bytes.HasSuffix(m.Append(nil, Assigned{}), sample()[len(sample())-40:]) {
		t.Error("the end of the message was changed")
	}
}

// What the service does not write is not written: the state of a locked message that is
// active, the first sequence number of one that was not forwarded. Its lock token is.
func TestAnnotationsAreTheService(t *testing.T) {
	m, err := ReadMessage(sample(), noID)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0).UTC()
	token := UUID{1, 2, 3}
	for _, c := range []struct {
		name     string
		a        Assigned
		state    any
		enqueued any
		token    any
	}{
		{"locked", Assigned{SequenceNumber: 7, LockedUntil: now, LockToken: token, WithToken: true}, nil, nil, token},
		{"locked, deferred, forwarded", Assigned{SequenceNumber: 7, EnqueuedSeq: 7, LockedUntil: now, State: 1, LockToken: token, WithToken: true}, int32(1), int64(7), token},
		{"peeked", Assigned{SequenceNumber: 7}, int32(0), nil, nil},
	} {
		got := sections(t, m.Append(nil, c.a))
		delivery, a := got[1].Value.(Map), got[2].Value.(Map)
		if a.Get(annMessageState) != c.state || a.Get(annEnqueuedSeq) != c.enqueued || delivery.Get(annLockToken) != c.token || delivery.Get("d") != "1" {
			t.Errorf("%s: %v %v", c.name, delivery, a)
		}
	}
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestMessageWith(t *testing.T) {
	m, err := ReadMessage(sample(), noID)
	if err != nil {
		t.Fatal(err)
	}
	c := m.With(TextPair("k", "new"), TextPair("reason", "r"))
	text := func(m *Message, key string) string { return Pair{Value: m.ApplicationProperty(key)}.Text() }
	if text(c, "k") != "new" || text(c, "reason") != "r" || text(m, "k") != "v" || m.ApplicationProperty("reason") != nil {
		t.Error("properties of the copy or of the original are wrong")
	}
	// Nothing else differs.
	a, b := sections(t, m.Append(nil, Assigned{})), sections(t, c.Append(nil, Assigned{}))
	for i := range a {
		if a[i].Descriptor != uint64(sectionApplication) && !bytes.Equal(encode(t, a[i]), encode(t, b[i])) {
			t.Errorf("section 0x%02x differs", a[i].Descriptor)
		}
	}
	if m.With() != m {
		t.Error("a copy without a change")
	}
}

func encode(t *testing.T, d Described) []byte {
	t.Helper()
	if v, ok := d.Value.([]byte); ok {
		return v
	}
	var b []byte
	var err error
	switch v := d.Value.(type) {
	case []any:
		for _, e := range v {
			if b, err = appendScalar(b, e); err != nil {
				t.Fatal(err)
			}
		}
	case Map:
		for _, e := range v {
			b, _ = appendScalar(b, e.Key)
			if b, err = appendScalar(b, e.Value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

func TestMessageID(t *testing.T) {
	props := func(fields ...[]byte) []byte {
		b, c := BeginList(nil)
		for _, f := range fields {
			b = append(b, f...)
		}
		return section(sectionProperties, c.End(b, len(fields)))
	}
	for _, c := range []struct {
		name string
		in   []byte
		id   string
	}{
		{"no properties", nil, "made"},
		{"empty properties", section(sectionProperties, []byte{codeList0}), "made"},
		{"null", props(AppendNull(nil)), "made"},
		{"empty text", props(AppendString(nil, "")), "made"},
		{"text", props(AppendString(nil, "x")), "x"},
		{"number", props(AppendUlong(nil, 1)), string(AppendUlong(nil, 1))},
		{"subject kept", props(AppendNull(nil), AppendNull(nil), AppendNull(nil), AppendString(nil, "s")), "made"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ReadMessage(append(c.in, section(sectionData, AppendBinary(nil, []byte("x")))...), noID)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != c.id {
				t.Errorf("id %q, want %q", m.ID, c.id)
			}
			p := sections(t, m.Append(nil, Assigned{}))[2].Value.([]any)
			if c.id == "made" && p[0] != "made" {
				t.Errorf("properties %v", p)
			}
			if c.name == "subject kept" && (len(p) != 4 || p[3] != "s") {
				t.Errorf("properties %v", p)
			}
		})
	}
}

func TestReadBatch(t *testing.T) {
	batch := section(sectionProperties, []byte{codeList0})
	for range 3 {
		batch = append(batch, section(sectionData, AppendBinary(nil, sample()))...)
	}
	n := 0
	if err := ReadBatch(batch, func(b []byte) error { n++; _, err := ReadMessage(b, noID); return err }); err != nil || n != 3 {
		t.Errorf("%d messages, error %v", n, err)
	}
	if err := ReadBatch(batch[:len(batch)-1], func([]byte) error { return nil }); !errors.Is(err, ErrMalformed) {
		t.Errorf("cut off: %v", err)
	}
	if err := ReadBatch(section(sectionData, AppendString(nil, "x")), func([]byte) error { return nil }); !errors.Is(err, ErrMalformed) {
		t.Errorf("text instead of binary: %v", err)
	}
}

func TestRequestAndResponse(t *testing.T) {
	props, c := BeginList(nil)
	props = c.End(AppendString(appendNulls(AppendString(props, "req"), 3), "reply"), 5)
	b := section(sectionProperties, props)
	b = append(b, section(sectionApplication, mapOf(AppendString, "operation", "op"))...)
	b = append(b, section(sectionValue, mapOf(AppendString, "a", "b"))...)
	r, err := ReadRequest(b)
	if err != nil || r.ReplyTo != "reply" || r.Properties.String("operation") != "op" || r.Value.(Map).String("a") != "b" {
		t.Fatalf("%+v, error %v", r, err)
	}
	got := sections(t, Response{Code: 404, Description: "none", Condition: "c"}.Append(nil, r.ID))
	if p := got[0].Value.([]any); p[5] != "req" {
		t.Errorf("correlation %v", p)
	}
	m := got[1].Value.(Map)
	if m.Get("status-code") != int32(404) || m.Get("statusCode") != int32(404) || m.String("statusDescription") != "none" || m.String("errorCondition") != "c" {
		t.Errorf("properties %v", m)
	}
	if got[2].Value != nil {
		t.Errorf("body %v", got[2].Value)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(sample())
	f.Add(sample()[:60])
	f.Add([]byte{0x00, 0x53, 0x75, 0xa0, 0x01, 0x78})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ReadRequest(b)
		_ = ReadBatch(b, func([]byte) error { return nil })
		m, err := ReadMessage(b, noID)
		if err != nil {
			return
		}
		// Whatever was taken can be delivered, read again, and stays the same.
		out := m.With(TextPair("k", "v")).Append(nil, Assigned{})
		again, err := ReadMessage(out, noID)
		if err != nil {
			t.Fatalf("its own output %x: %v", out, err)
		}
		if again.ID != m.ID {
			t.Fatalf("id %q became %q", m.ID, again.ID)
		}
		if twice := again.Append(nil, Assigned{}); !bytes.Equal(out, twice) {
			t.Fatalf("written again it differs:\n%x\n%x", out, twice)
		}
	})
}
