package functionshost

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/skucast/skucast/functions"
)

// apiPrefix is the host's default route prefix.
const apiPrefix = "/api/"

// catchAll reports whether a route takes every path, as {*path} does.
func catchAll(route string) bool {
	return strings.HasPrefix(route, "{*") && strings.HasSuffix(route, "}") && !strings.Contains(route, "/")
}

// routed reports whether the HTTP function takes the request. Other methods find no route.
func (h *Host) routed(r *http.Request) bool {
	methods := h.functions[h.httpName].Trigger.Methods
	return (r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, apiPrefix)) &&
		(len(methods) == 0 || slices.Contains(methods, strings.ToLower(r.Method)))
}

// proxy hands the request to the worker as enableProxyingHttpRequest does: query and body
// untouched, repeated headers joined, and the headers added by which the worker can tell it
// from a trigger. Status codes pass through.
func (i *instance) proxy(rw http.ResponseWriter, r *http.Request, f functions.Function) {
	w, err := i.await(r.Context())
	if err != nil {
		i.log.WarnContext(r.Context(), "HTTP request not delivered", "function", f.Name, "error", err.Error())
		http.Error(rw, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	set := i.host.set
	ctx, cancel := context.WithTimeoutCause(r.Context(), set.FunctionTimeout+set.TimeoutGrace, errTimeout)
	defer cancel()
	defer context.AfterFunc(i.ctx, cancel)()
	defer func() {
		if errors.Is(context.Cause(ctx), errTimeout) {
			i.requestRestart(w)
		}
	}()
	target := &url.URL{Scheme: "http", Host: strings.TrimPrefix(i.url(""), "http://")}
	id := newGUID()
	(&httputil.ReverseProxy{
		Transport:     i.client.Transport,
		FlushInterval: -1, // streams both ways
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.SetXForwarded()
			p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came, pairs that Go would drop included
			for key, values := range p.Out.Header {
				if len(values) > 1 {
					p.Out.Header[key] = []string{strings.Join(values, ", ")}
				}
			}
			p.Out.Header.Set("X-Azure-Functions-HostVersion", hostVersion)
			p.Out.Header.Set("X-Azure-Functions-InvocationId", id)
			p.Out.Header.Del("X-Ms-Invocation-Id")
			p.Out.Header["x-ms-invocation-id"] = []string{id}
		},
		ErrorHandler: func(rw http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(context.Cause(r.Context()), errTimeout) {
				err = errTimeout
			}
			i.log.WarnContext(r.Context(), "HTTP invocation failed", "function", f.Name, "invocation_id", id, "error", err.Error())
			http.Error(rw, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		},
	}).ServeHTTP(rw, r.WithContext(ctx))
}
