package sas

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var now = time.Unix(1_700_000_000, 0)

func TestVerify(t *testing.T) {
	keys := map[string]string{"root": "secret", "other": "hidden"}
	later := now.Add(time.Hour)
	good := Sign("amqp://localhost:5672/q", "root", "secret", later)
	for _, c := range []struct {
		name, token, audience string
		want                  error
	}{
		{"good", good, "amqp://localhost:5672/q", nil},
		{"below", good, "amqp://localhost:5672/Q/$management", nil},
		{"other scheme", good, "sb://localhost:5672/q", nil},
		{"port not named", good, "amqp://localhost/q", nil},
		{"another port", good, "amqp://localhost:5673/q", ErrAudience},
		{"another entity", good, "amqp://localhost:5672/queue", ErrAudience},
		{"above", good, "amqp://localhost:5672/", ErrAudience},
		{"another host", good, "amqp://elsewhere:5672/q", ErrAudience},
		{"namespace", Sign("localhost", "root", "secret", later), "amqp://localhost:5672/q", nil},
		{"wrong key", Sign("amqp://localhost:5672/q", "root", "guess", later), "amqp://localhost:5672/q", ErrSignature},
		{"another policy's key", Sign("amqp://localhost:5672/q", "other", "secret", later), "amqp://localhost:5672/q", ErrSignature},
		{"no such policy", Sign("amqp://localhost:5672/q", "nobody", "secret", later), "amqp://localhost:5672/q", ErrPolicy},
		{"expired", Sign("amqp://localhost:5672/q", "root", "secret", now), "amqp://localhost:5672/q", ErrExpired},
		{"expiry changed", strings.Replace(good, "se=17000", "se=27000", 1), "amqp://localhost:5672/q", ErrSignature},
		{"resource changed", strings.Replace(good, "%2Fq&", "%2Fr&", 1), "amqp://localhost:5672/r", ErrSignature},
		{"with a query", Sign("https://h/q?api-version=1", "root", "secret", later), "https://h/q", nil},
		{"empty", "", "amqp://localhost:5672/q", ErrMalformed},
		{"another kind", "eyJ0eXAi", "amqp://localhost:5672/q", ErrMalformed},
		{"field twice", good + "&se=1", "amqp://localhost:5672/q", ErrMalformed},
		{"bad escape", "SharedAccessSignature sr=%zz&sig=a&se=1&skn=root", "amqp://localhost:5672/q", ErrMalformed},
		{"no expiry", "SharedAccessSignature sr=a&sig=a&skn=root", "amqp://localhost:5672/q", ErrMalformed},
		{"too long", good + strings.Repeat("x", 5000), "amqp://localhost:5672/q", ErrMalformed},
	} {
		got, err := Verify(c.token, c.audience, keys, now)
		if !errors.Is(err, c.want) || (err == nil && (!got.Until.Equal(later) || got.Policy != "root")) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// FuzzVerify: nothing but a token made with the key is accepted.
func FuzzVerify(f *testing.F) {
	f.Add(Sign("amqp://h/q", "root", "guess", now.Add(time.Hour)), "amqp://h/q")
	f.Add("SharedAccessSignature sr=h&sig=&se=9999999999&skn=root", "h")
	f.Fuzz(func(t *testing.T, token, audience string) {
		if _, err := Verify(token, audience, map[string]string{"root": "a key that no input has"}, now); err == nil {
			t.Errorf("accepted %q for %q", token, audience)
		}
	})
}
