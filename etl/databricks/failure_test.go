package databricks

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeFailure(t *testing.T) {
	said := EncodeFailure("source_changed", "the file \"sales.csv\"\nchanged while it was read: 12 → 14 bytes")
	const message = "the file \"sales.csv\"\nchanged while it was read: 12 → 14 bytes"
	quoted, err := json.Marshal("Failure: " + said)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text, reason, message string
		ok                          bool
	}{
		{"alone", said, "source_changed", message, true},
		{
			"as Spark wraps it", "pyspark.errors.exceptions.captured.SparkRuntimeException: [USER_RAISED_EXCEPTION] " + said + " SQLSTATE: P0001",
			"source_changed", message, true,
		},
		{"in a traceback", "Traceback {most recent}\n  File \"x.py\"\nskucast.Failure: " + said + "\n\tat org.apache", "source_changed", message, true},
		{"as Python writes it", `Failure: {"message": "a \u00e9", "reason": "bad_file"}`, "bad_file", "a é", true},
		{"quoted once", string(quoted), "source_changed", message, true},
		{"a further field", `{"reason":"a","message":"b","line":3}`, "a", "b", true},
		{"cut in the message", `X: {"reason":"bad_file","message":"line 3 has no d`, "bad_file", "line 3 has no d…", true},
		{"cut in an escape", `{"reason":"bad_file","message":"caf\u00`, "bad_file", "caf…", true},
		{"cut between surrogates", `{"reason":"bad_file","message":"x\ud83d`, "bad_file", "x�…", true},
		{"cut, with the service's note", "{\"reason\":\"bad_file\",\"message\":\"line 3 \n*** truncated ***", "bad_file", "line 3 …", true},
		{"cut after the reason", `{"reason":"bad_file",`, "bad_file", "", true},
		{"cut within the reason", `{"reason":"bad_fi`, "", "", false},
		{"the whole one in the trace wins", `{"reason":"bad_file","message":"li` + "\nTraceback\n" + `{"reason":"bad_file","message":"line 3"}`, "bad_file", "line 3", true},
		{"a failure quoted in a message is text", EncodeFailure("outer", `cell {"reason":"inner","message":"x"}`), "outer", `cell {"reason":"inner","message":"x"}`, true},
		{"not a word", `{"reason":"Bad file","message":"x"}`, "", "", false},
		{"not a text", `{"reason":5,"message":"x"}`, "", "", false},
		{"something else", "java.lang.OutOfMemoryError: {heap}", "", "", false},
		{"nothing", "", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reason, message, ok := DecodeFailure(tt.text)
			if reason != tt.reason || message != tt.message || ok != tt.ok {
				t.Errorf("DecodeFailure(%q) = %q, %q, %v; want %q, %q, %v", tt.text, reason, message, ok, tt.reason, tt.message, tt.ok)
			}
		})
	}
}

func TestEncodeFailureIsOneShortLine(t *testing.T) {
	long := EncodeFailure("bad_file", strings.Repeat("é\n", 5000))
	if len(long) > 2*maxMessage || strings.ContainsRune(long, '\n') || !utf8.ValidString(long) {
		t.Errorf("encoded failure has %d bytes, newline %v, valid %v", len(long), strings.ContainsRune(long, '\n'), utf8.ValidString(long))
	}
	if got := EncodeFailure("a", "x < y & z"); got != `{"reason":"a","message":"x < y & z"}` {
		t.Errorf("EncodeFailure = %s", got)
	}
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add(`X: {"reason":"bad_file","message":"line 3"}`)
	f.Add(`{"reason":"bad_file","message":"l\ud83d`)
	f.Add(`{\"reason\":\"a\",\"message\":\"b\\n\"}`)
	f.Fuzz(func(t *testing.T, text string) {
		reason, message, ok := DecodeFailure(text)
		if ok != reasonForm.MatchString(reason) || !utf8.ValidString(message) || len(message) > maxMessage+len("…") {
			t.Errorf("DecodeFailure(%q) = %q, %q, %v", text, reason, message, ok)
		}
	})
}

func FuzzFailureSurvives(f *testing.F) {
	f.Add("the file changed", "Exception: ", " SQLSTATE", 10)
	f.Add("a \"quoted\" {\"reason\":\"x\"}", "", "", 0)
	f.Fuzz(func(t *testing.T, message, before, after string, cut int) {
		if _, _, ok := DecodeFailure(before); ok || strings.ContainsAny(before, "{\\") {
			return // the surroundings hold a failure themselves
		}
		encoded := EncodeFailure("source_gone", message)
		reason, got, ok := DecodeFailure(before + encoded + after)
		if want := clip(message); !ok || reason != "source_gone" || got != want {
			t.Errorf("decoded %q, %q, %v; want message %q", reason, got, ok, want)
		}
		whole := len(`{"reason":"source_gone"`)
		if cut < 0 || len(encoded)-cut%len(encoded) <= whole {
			return
		}
		if reason, _, ok := DecodeFailure(before + encoded[:len(encoded)-cut%len(encoded)]); !ok || reason != "source_gone" {
			t.Errorf("cut by %d: reason %q, %v", cut%len(encoded), reason, ok)
		}
	})
}
