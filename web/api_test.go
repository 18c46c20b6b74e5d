package web_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web"
)

func api(t *testing.T) (http.Handler, ledger.Ledger) {
	t.Helper()
	store, err := dirblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.Ledger{Store: store, Version: "test"}
	return web.API(handlers.API{Ledger: l}, "test", slog.New(slog.DiscardHandler)), l
}

func get(t *testing.T, h http.Handler, method, path string) (status int, body map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s %s: not JSON: %v: %q", method, path, err, w.Body)
	}
	kind := w.Header().Get("Content-Type")
	if w.Code >= 400 != (kind == "application/problem+json") {
		t.Errorf("%s %s: status %d with content type %q", method, path, w.Code, kind)
	}
	return w.Code, body
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	h, l := api(t)
	info, err := l.Store.Put(t.Context(), "raw-data/incoming/a.csv", strings.NewReader("x"), blobstore.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	drop, err := l.Claim(t.Context(), blobstore.RawData, "incoming/a.csv", info.ETag, time.Now(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Start(t.Context(), drop, run.ReasonDrop, 0); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		method, path string
		status       int
		field, want  string
	}{
		{"GET", "/api/health", 200, "status", "ok"},
		{"GET", "/api/runs/" + drop.RunID, 200, "status", ledger.StatusRunning},
		{"GET", "/api/runs/" + drop.RunID[:8], 200, "run_id", drop.RunID},
		{"GET", "/api/runs/ffffffff", 404, "detail", ""},
		{"GET", "/api/runs/x", 404, "detail", ""},
		{"GET", "/api/forecasts/none", 404, "detail", ""},
		{"GET", "/api/forecasts/a?feed=../..", 404, "detail", ""},
		{"GET", "/api/nothing", 404, "detail", ""},
		{"POST", "/api/runs", 404, "detail", ""},
	}
	for _, c := range cases {
		status, body := get(t, h, c.method, c.path)
		got, ok := body[c.field].(string)
		if status != c.status || !ok || c.want != "" && got != c.want {
			t.Errorf("%s %s: %d %v, want %d with %s %q", c.method, c.path, status, body, c.status, c.field, c.want)
		}
	}
	if _, body := get(t, h, "GET", "/api/runs"); len(body["runs"].([]any)) != 1 {
		t.Errorf("runs: %v", body)
	}
	if _, body := get(t, h, "GET", "/api/deadletters"); len(body["deadletters"].([]any)) != 0 {
		t.Errorf("dead letters: %v", body)
	}
}

// What goes wrong inside is not told to the outside.
func TestInternalErrorsStayInside(t *testing.T) {
	t.Parallel()
	h, l := api(t)
	if _, err := l.Store.Put(t.Context(), "forecasts/drops/x.json", strings.NewReader("{broken secret"), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
	status, body := get(t, h, "GET", "/api/runs")
	if status != http.StatusInternalServerError || strings.Contains(body["detail"].(string), "broken") {
		t.Errorf("%d %v", status, body)
	}
}
