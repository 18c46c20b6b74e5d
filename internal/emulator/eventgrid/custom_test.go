package eventgrid

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What the real publisher never sends; what it does send is tested in shared/publish.
func TestTopicRefusesBadRequests(t *testing.T) {
	topic, err := StartCustomTopic(t.Context(), CustomConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	client := trusting(t, topic.CAPEM())
	const batch, one = "application/cloudevents-batch+json; charset=utf-8", `{"specversion":"1.0","id":"1","source":"/s","type":"T"}`
	tests := []struct {
		name, query, contentType, body string
		status                         int
		says                           string
	}{
		{"wrong key", "?api-version=2018-01-01", batch, one, 401, "Unauthorized"},
		{"single event", "?api-version=2018-01-01", "application/cloudevents+json", one, 200, ""},
		{"one bad of two", "?api-version=2018-01-01", batch, `[` + one + `,{"specversion":"1.0"}]`, 400, "event 1"},
		{"no event", "?api-version=2018-01-01", batch, `[]`, 400, "no event"},
		{"not an array", "?api-version=2018-01-01", batch, one, 400, "not an array"},
		{"Event Grid schema", "?api-version=2018-01-01", "application/json", `[{}]`, 400, "CloudEventSchemaV1_0"},
		{"other version", "", batch, `[` + one + `]`, 400, "api-version"},
		{"too large", "?api-version=2018-01-01", batch, `["` + strings.Repeat("x", 1<<20) + `"]`, 413, "PayloadTooLarge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, topic.Endpoint()+tt.query, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tt.contentType)
			if tt.status != http.StatusUnauthorized {
				req.Header.Set("aeg-sas-key", topic.Key())
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.says) {
				t.Errorf("%d %s (%v), want %d saying %q", res.StatusCode, body, err, tt.status, tt.says)
			}
		})
	}
	if n := len(topic.Events()); n != 1 {
		t.Errorf("%d events were taken, want 1: a batch is taken whole or not at all", n)
	}
}

func trusting(t *testing.T, pem []byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
