package databricks

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxMessage bounds a failure's message in bytes, far below what the service cuts.
const maxMessage = 2000

// EncodeFailure is the error text with which the job ends, on one line:
//
//	{"reason":"source_changed","message":"the file changed while it was read"}
//
// The job raises it as its exception's text. The reason comes first, so that it survives
// when the service cuts the text.
func EncodeFailure(reason, message string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Two strings always encode.
	_ = enc.Encode(failureText{Reason: reason, Message: clip(message)})
	return strings.TrimSuffix(b.String(), "\n")
}

type failureText struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

var (
	// failureStart is where an encoded failure may begin: json.dumps of Python puts blanks
	// after the colon and may sort message before reason.
	failureStart = regexp.MustCompile(`\{\s*"(?:reason|message)"\s*:`)
	reasonForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// DecodeFailure finds an encoded failure in an error text, whatever stands around it: an
// exception's class, an SQLSTATE, a traceback, one level of quoting. A text that was cut
// still gives its reason and what is left of the message.
func DecodeFailure(text string) (reason, message string, ok bool) {
	if f, ok := findFailure(text); ok {
		return f.Reason, f.Message, true
	}
	if !strings.Contains(text, `\"`) {
		return "", "", false
	}
	f, ok := findFailure(unquote(text))
	return f.Reason, f.Message, ok
}

// findFailure prefers the first complete object, then the first one that was cut.
func findFailure(text string) (failureText, bool) {
	var partial failureText
	for _, at := range failureStart.FindAllStringIndex(text, -1) {
		rest := text[at[0]:]
		var f failureText
		if json.NewDecoder(strings.NewReader(rest)).Decode(&f) == nil {
			if reasonForm.MatchString(f.Reason) {
				f.Message = clip(f.Message)
				return f, true
			}
			continue
		}
		if partial.Reason == "" {
			if f := cutFailure(rest); reasonForm.MatchString(f.Reason) {
				partial = f
			}
		}
	}
	return partial, partial.Reason != ""
}

// cutFailure reads as much as there is of an object of strings that ends too early. A
// reason that itself was cut is not one.
func cutFailure(text string) failureText {
	var f failureText
	dec := json.NewDecoder(strings.NewReader(text))
	var end int64
	var key string
	for i := 0; ; i++ {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		end = dec.InputOffset()
		s, isText := tok.(string)
		switch {
		case i == 0:
		case !isText:
			return f
		case i%2 == 1:
			key = s
		case key == "reason":
			f.Reason, key = s, ""
		case key == "message":
			f.Message, key = clip(s), ""
		}
	}
	if key == "message" {
		f.Message = clip(cutString(text[end:]))
	}
	return f
}

// cutString decodes the beginning of a JSON string, from its colon on, whose end is
// missing; an escape that was cut is left out.
func cutString(text string) string {
	_, body, found := strings.Cut(text, `"`)
	if !found {
		return ""
	}
	if i := strings.IndexFunc(body, func(r rune) bool { return r < ' ' }); i >= 0 {
		body = body[:i] // no control character is in a JSON string: the cut was before it
	}
	body = strings.ToValidUTF8(body, "")
	for cut := 0; cut <= 12 && cut <= len(body); cut++ { // an escaped pair of surrogates is 12 bytes
		var s string
		if json.Unmarshal([]byte(`"`+body[:len(body)-cut]+`"`), &s) == nil {
			return s + "…"
		}
	}
	return ""
}

// unquote takes one level of backslashes away.
func unquote(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\') {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// clip cuts s to at most maxMessage bytes at the end of a character.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
