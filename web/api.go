// Package web is the HTTP face of skucast: a JSON API under /api/.
package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// API routes the JSON API:
//
//	GET /api/health                              is it up, and which version
//	GET /api/runs                                the newest runs
//	GET /api/runs/{id}                           one run; a prefix of its id is enough
//	GET /api/forecasts/{sku}?store=&feed=        the latest forecast of a SKU
//	GET /api/deadletters                         deliveries that were refused, with reasons
//
// Errors are problem documents (RFC 9457).
func API(h handlers.API, version string, log *slog.Logger) http.Handler {
	s := server{api: h, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "application/json", map[string]string{"status": "ok", "version": version})
	})
	mux.HandleFunc("GET /api/runs", s.runs)
	mux.HandleFunc("GET /api/runs/{id}", s.run)
	mux.HandleFunc("GET /api/forecasts/{sku}", s.forecast)
	mux.HandleFunc("GET /api/deadletters", s.refused)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path)
	})
	return mux
}

type server struct {
	api handlers.API
	log *slog.Logger
}

func (s server) runs(w http.ResponseWriter, r *http.Request) {
	runs, err := s.api.Runs(r.Context())
	s.answer(w, r, map[string]any{"runs": runs}, err)
}

func (s server) run(w http.ResponseWriter, r *http.Request) {
	v, err := s.api.Run(r.Context(), r.PathValue("id"))
	s.answer(w, r, v, err)
}

func (s server) refused(w http.ResponseWriter, r *http.Request) {
	all, err := s.api.Refused(r.Context())
	s.answer(w, r, map[string]any{"deadletters": all}, err)
}

func (s server) forecast(w http.ResponseWriter, r *http.Request) {
	feed := r.URL.Query().Get("feed")
	if feed == "" {
		feed = run.DefaultFeed
	}
	f, err := s.api.Forecast(r.Context(), feed, retail.SKU(r.PathValue("sku")), retail.Store(r.URL.Query().Get("store")))
	s.answer(w, r, ForecastJSON(f), err)
}

// ForecastJSON is the JSON form of a forecast: one object per store and period, with the
// quantiles by name.
func ForecastJSON(f handlers.Forecast) map[string]any {
	rows := make([]map[string]any, 0, len(f.Rows))
	probabilities := forecast.Probabilities()
	for _, r := range f.Rows {
		k, q := r.Key(), r.Quantiles()
		row := map[string]any{
			"store": k.Store, "sku": k.SKU, "date": r.Date, "mean": r.Mean, "model": r.Model, "status": r.Status,
		}
		for i, p := range probabilities {
			row[products.QuantileName(p)] = q[i]
		}
		rows = append(rows, row)
	}
	return map[string]any{"run_id": run.Short(f.RunID), "forecast": rows}
}

// answer writes v, or the problem that err is.
func (s server) answer(w http.ResponseWriter, r *http.Request, v any, err error) {
	switch {
	case err == nil:
		write(w, http.StatusOK, "application/json", v)
	case errors.Is(err, blobstore.ErrNotFound), errors.Is(err, blobstore.ErrInvalidName):
		problem(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ledger.ErrAmbiguous):
		problem(w, http.StatusConflict, err.Error())
	default:
		s.log.ErrorContext(r.Context(), "api request failed", "path", r.URL.Path, "error", err)
		problem(w, http.StatusInternalServerError, "the request could not be answered; the log says why")
	}
}

func problem(w http.ResponseWriter, status int, detail string) {
	write(w, status, "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
	})
}

func write(w http.ResponseWriter, status int, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"title":"the answer could not be encoded"}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that has gone is no error of ours
}
