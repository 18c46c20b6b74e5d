package functionshost

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// TestConformanceVectors holds the values whose encoding by the host's own serializer is
// known; left the .NET value, right what stands in the request.
func TestConformanceVectors(t *testing.T) {
	date := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
	twice := func(v any) string { return quoted(text(v)) }
	for _, c := range []struct{ name, got, want string }{
		{"text", twice("hello"), `"\"hello\""`},
		{"JSON text", twice(`{"a":1}`), `"\"{\\\"a\\\":1}\""`},
		{"newline, é, <", twice("{\n  \"a\": \"x/<é>\"\n}"), `"\"{\\n  \\\"a\\\": \\\"x/<é>\\\"\\n}\""`},
		{"int", twice(3), `"3"`},
		{"long", twice(int64(12345678901)), `"12345678901"`},
		{"bool", twice(true), `"true"`},
		{"empty GUID", twice([16]byte{}), `"\"00000000-0000-0000-0000-000000000000\""`},
		{"bytes are encoded once", text([]byte(`{"a":1}`)), `"eyJhIjoxfQ=="`},
		{"max date", `"` + seconds(never()) + `+00:00"`, `"9999-12-31T23:59:59+00:00"`},
		{"date in an array keeps its fraction", quoted(`["` + ticks(date) + `"]`), `"[\"2024-01-02T03:04:05.678\"]"`},
		{"single date loses it", seconds(date), "2024-01-02T03:04:05"},
		{"dictionary", object(map[string]any{"p": "v", "n": 5, "d": date}), `{"d":"2024-01-02T03:04:05.678Z","n":5,"p":"v"}`},
		{"empty dictionary", object(nil), `{}`},
		{"control characters", quoted("\b\f\n\r\t\v\x01\x7f\u0085\u2028\u2029'/<>&"), `"\b\f\n\r\t\u000b\u0001` + "\x7f" + `\u0085\u2028\u2029'/<>&"`},
		{"null", text(nil), "null"},
		{"float", text(1.5), "1.5"},
		{"single float", text(float32(0.1)), "0.1"},
		{"not a number", text(math.NaN()), `"NaN"`},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestReserialised(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"1.0", "1.0"},
		{"1.10", "1.1"},
		{"1e3", "1000.0"},
		{"1E-7", "1E-07"},
		{"1e20", "1E+20"},
		{"-0", "0"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{"0.1000000000000000055511151231257827", "0.1"},
		{"1e15", "1E+15"},
		{"100000000000000.0", "100000000000000.0"},
		{"0.00001", "1E-05"},
		{"0.0001", "0.0001"},
		{"1.5e-100", "1.5E-100"},
		{` { "b" : [ 1 , true , null , "\u00e9\u003c" ] , "a" : { } } `, `{"b":[1,true,null,"é<"],"a":{}}`},
	} {
		if got, err := reserialised([]byte(c.in)); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "{", "[1,]", `{"a"}`, "1 2", "1e999"} {
		if got, err := reserialised([]byte(bad)); err == nil {
			t.Errorf("%q was accepted as %s", bad, got)
		}
	}
}

// FuzzReserialised: the result is JSON of the same shape, without spaces, and stable.
func FuzzReserialised(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,-0.0,1e-7],"b":{"c":null,"d":"x\u0085"}}`, `[]`, `"\ud800"`, `1e308`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := reserialised([]byte(in))
		if err != nil {
			return
		}
		if !json.Valid([]byte(once)) {
			t.Fatalf("%q became %q", in, once)
		}
		if twice, err := reserialised([]byte(once)); err != nil || twice != once {
			t.Errorf("%q became %q, then %q, %v", in, once, twice, err)
		}
		if strings.ContainsAny(once, "\n\u0085") {
			t.Errorf("%q became %q", in, once)
		}
	})
}
