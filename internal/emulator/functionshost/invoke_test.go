package functionshost

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func copyBody(w io.Writer, r *http.Request) (int64, error) { return io.Copy(w, r.Body) }

// TestVerdicts is the host's table of outcomes, as recorded (responses.json) and read.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name        string
		status      int
		contentType string
		body        string
		want        string // "" success, "never", or part of the error
	}{
		{"object", 200, "application/json", `{}`, ""},
		{"charset", 200, "application/json; charset=utf-8", `{"Logs":["l",1,null],"ReturnValue":null}`, ""},
		{"accepted", 202, "application/json", `{}`, ""},
		{"text/json", 200, "text/json", `{}`, ""},
		{"empty outputs", 200, "application/json", `{"outputs":{}}`, ""},
		{"empty 200", 200, "application/json", "", "never"},
		{"empty 202 without type", 202, "", "", "never"},
		{"204", 204, "", "", "never"},
		{"blank", 200, "application/json", " \n", "never"},
		{"null", 200, "application/json", "null", "never"},
		{"text/plain", 200, "text/plain", `{}`, "content type"},
		{"no type", 200, "", `{}`, "content type"},
		{"problem", 200, "application/problem+json", `{}`, "content type"},
		{"stray semicolon", 200, "application/json;", `{}`, "content type"},
		{"array", 200, "application/json", `[1]`, "JSON object"},
		{"scalar", 200, "application/json", `1`, "JSON object"},
		{"truncated", 200, "application/json", `{"a":`, "JSON object"},
		{"log object", 200, "application/json", `{"Logs":[{"a":1}]}`, "scalar"},
		{"outputs", 200, "application/json", `{"OUTPUTS":{"q":"x"}}`, "Outputs"},
		{"400", 400, "application/json", `{}`, "400"},
		{"404 without type", 404, "", "", "404"},
		{"500", 500, "application/json", `{"Logs":["x"]}`, "500"},
		{"304", 304, "", "", "304"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := judge(c.status, c.contentType, []byte(c.body))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want success", err)
			case c.want == "never" && !errors.Is(err, errNeverCompletes):
				t.Errorf("got %v, want an invocation that never completes", err)
			case c.want != "" && c.want != "never" && (err == nil || errors.Is(err, errNeverCompletes) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(200, "application/json", `{"Outputs":{"a":1},"Logs":["x",{}]}`)
	f.Add(200, "text/json;", "null")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		err := judge(status, contentType, []byte(body))
		if err == nil && (status/100 != 2 || !strings.Contains(body, "{")) {
			t.Errorf("%d %q %q counts as success", status, contentType, body)
		}
	})
}
