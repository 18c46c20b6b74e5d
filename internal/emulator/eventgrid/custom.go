package eventgrid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// CustomTopic is a custom topic with CloudEvents 1.0 input, on TLS because the publisher
// refuses to send its key over plain HTTP.
type CustomTopic struct {
	key      string
	endpoint string
	ca       []byte
	keep     int
	http     *http.Server
	serving  sync.WaitGroup
	d        *deliverer

	mu     sync.Mutex
	events []Event // the newest, oldest first
}

// CustomConfig of a CustomTopic; the zero value works.
type CustomConfig struct {
	Key           string // default a random one
	Addr          string // default 127.0.0.1:0
	Keep          int    // events kept for Events; 0 is 1,000
	Subscriptions []Subscription
	Options       Options
}

// StartCustomTopic listens and serves until Close, or until ctx ends.
func StartCustomTopic(ctx context.Context, cfg CustomConfig) (*CustomTopic, error) {
	d, err := newDeliverer(ctx, cfg.Subscriptions, cfg.Options)
	if err != nil {
		return nil, err
	}
	if cfg.Key == "" {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		cfg.Key = base64.StdEncoding.EncodeToString(b[:])
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Keep == 0 {
		cfg.Keep = 1000
	}
	cert, ca, err := selfSigned(d.opt.Now())
	if err != nil {
		return nil, fmt.Errorf("event grid emulator: certificate: %w", err)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("event grid emulator: %w", err)
	}
	t := &CustomTopic{key: cfg.Key, endpoint: "https://" + ln.Addr().String() + "/api/events", ca: ca, keep: cfg.Keep, d: d}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/events", t.post)
	t.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(d.opt.Log.Handler(), slog.LevelWarn),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	t.serving.Go(func() {
		if err := t.http.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
			d.opt.Log.Error("event grid emulator stopped", "error", err)
		}
	})
	context.AfterFunc(d.ctx, func() { _ = t.http.Close() }) //nolint:contextcheck // the topic's own, which ends with ctx
	return t, nil
}

// Endpoint is the topic's URL, /api/events included, as the portal shows it.
func (t *CustomTopic) Endpoint() string { return t.endpoint }

// Key is the access key that publishers send.
func (t *CustomTopic) Key() string { return t.key }

// CAPEM is the authority that signed the topic's certificate, made anew at every start.
func (t *CustomTopic) CAPEM() []byte { return slices.Clone(t.ca) }

// Events are the newest events that were accepted, oldest first.
func (t *CustomTopic) Events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events)
}

// Wait returns when every event so far was delivered or dead-lettered.
func (t *CustomTopic) Wait(ctx context.Context) error { return t.d.wait(ctx) }

// Close stops serving and all deliveries.
func (t *CustomTopic) Close() {
	_ = t.http.Close()
	t.serving.Wait()
	t.d.close()
}

// Content types of CloudEvents over HTTP.
const (
	typeBatch  = "application/cloudevents-batch+json"
	typeSingle = "application/cloudevents+json"
)

func (t *CustomTopic) post(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("aeg-sas-key")), []byte(t.key)) != 1 {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "The request authorization key is not authorized for the topic.")
		return
	}
	if v := r.URL.Query().Get("api-version"); v != "2018-01-01" {
		refuse(w, http.StatusBadRequest, "BadRequest", fmt.Sprintf("The api-version %.40q is not supported; use 2018-01-01.", v))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			refuse(w, http.StatusRequestEntityTooLarge, "PayloadTooLarge",
				fmt.Sprintf("The maximum size (%d) for the request has been exceeded.", maxEvent))
		} else {
			refuse(w, http.StatusBadRequest, "BadRequest", "The request body cannot be read.")
		}
		return
	}
	events, err := decodeRequest(r.Header.Get("Content-Type"), body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	for _, e := range events {
		t.remember(e)
		if err := t.d.publish(e); err != nil { //nolint:contextcheck // deliveries outlive the call that publishes
			refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", err.Error())
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// decodeRequest takes a batch or a single event, all or nothing.
func decodeRequest(contentType string, body []byte) ([]Event, error) {
	var raw []json.RawMessage
	switch media, _, _ := mime.ParseMediaType(contentType); media {
	case typeBatch:
		if err := json.Unmarshal(body, &raw); err != nil {
			return nil, fmt.Errorf("body is not an array of CloudEvents: %w", err)
		}
	case typeSingle:
		raw = []json.RawMessage{body}
	default:
		return nil, fmt.Errorf("content type %.80q is not that of CloudEvents; the topic's input schema is CloudEventSchemaV1_0", contentType)
	}
	if len(raw) == 0 {
		return nil, errors.New("the request holds no event")
	}
	events := make([]Event, 0, len(raw))
	for i, b := range raw {
		e, err := DecodeEvent(b)
		if err != nil {
			return nil, fmt.Errorf("event %d of the request: %w", i, err)
		}
		events = append(events, e)
	}
	return events, nil
}

func (t *CustomTopic) remember(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.events) >= t.keep {
		t.events = slices.Delete(t.events, 0, len(t.events)-t.keep+1)
	}
	t.events = append(t.events, e)
}

// refuse answers in the service's error shape.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": code, "message": message, "details": []any{map[string]any{"code": code, "message": message}},
	}})
}
