package azfunc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of the host. The first is what makes a request an invocation.
const (
	headerInvocation = "X-Azure-Functions-InvocationId"
	headerTrace      = "Traceparent"
)

// PortVariable is the environment variable in which the host names the port to listen on.
const PortVariable = "FUNCTIONS_CUSTOMHANDLER_PORT"

// Listen opens the loopback listener. Call it after initialisation: the host takes any
// answer on the port for readiness.
func Listen(port string) (net.Listener, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s is %q, not a port; the Functions host sets it, skucast up starts one locally", PortVariable, port)
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(n, 10)))
	if err != nil {
		return nil, fmt.Errorf("open the port of %s: %w", PortVariable, err)
	}
	return ln, nil
}

// Serve answers the host until ctx ends, then lets invocations in flight finish for at
// most a.Drain. It returns nil after such an end and an error in every other case. It
// closes ln.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	// Invocations outlive ctx by the drain, so they hang on a context of their own.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	// No read or write timeout: an invocation may take half an hour. No idle timeout: the
	// host reuses connections and does not repeat a POST that meets a closing one.
	srv := &http.Server{
		Handler:           a.handler(ctx.Done()),
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(ln) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve the host on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), a.Drain)
	defer done()
	if err := srv.Shutdown(drain); err != nil {
		cancel() // handlers see their context end, then lose their connection
		a.Log.WarnContext(ctx, "invocations cut off at shutdown", "drain", a.Drain)
		if err := srv.Close(); err != nil {
			return fmt.Errorf("close after drain: %w", err)
		}
	}
	return nil
}

// ExitCode is the process's exit code after Serve or a failed start. It is never 0, after
// which the host would not start the process again and every later invocation would fail,
// and never 200, which asks for a restart.
func ExitCode(err error) int {
	if err == nil {
		return 128 + 15 // ended by SIGTERM
	}
	return 1
}

// Handler is the app as an http.Handler, for tests; Serve is for processes.
func (a *App) Handler() http.Handler { return a.handler(nil) }

func (a *App) handler(stopping <-chan struct{}) http.Handler {
	invoke := a.chain(stopping)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isAPI(r.URL.Path):
			a.serveHTTP(w, r, invoke)
		case r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			reply(w, http.StatusOK)
		default:
			a.serveTrigger(w, r, invoke)
		}
	})
}

// isAPI decides by the path alone, before anything else is looked at: whatever a client
// puts into a proxied request, it stays with the HTTP function.
func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

func (a *App) serveHTTP(w http.ResponseWriter, r *http.Request, invoke step) {
	if a.http == nil {
		reply(w, http.StatusNotFound)
		return
	}
	rec := &recorder{ResponseWriter: w}
	v := invoke(r.Context(), &invocation{
		id: r.Header.Get(headerInvocation), name: a.httpName, traceParent: r.Header.Get(headerTrace),
		serve: func(ctx context.Context) int {
			a.http.ServeHTTP(rec, r.WithContext(ctx))
			return rec.code()
		},
	})
	switch {
	case v.outcome != "panic":
	case rec.status == 0:
		reply(w, http.StatusInternalServerError)
	default:
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
}

// serveTrigger accepts what the host sends and nothing else. The host strips nothing from a
// proxied request's headers, so a client can forge an invocation id; but it cannot make the
// host drop the headers that proxying adds.
func (a *App) serveTrigger(w http.ResponseWriter, r *http.Request, invoke step) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	f, ok := a.functions[name]
	switch {
	case !ok || proxied(r.Header) || r.Header.Get(headerInvocation) == "":
		reply(w, http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		reply(w, http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.MaxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		a.Log.ErrorContext(r.Context(), "request body not read", "function", name,
			"invocation_id", r.Header.Get(headerInvocation), "error", err.Error())
		reply(w, status)
		return
	}
	v := invoke(r.Context(), &invocation{
		id: r.Header.Get(headerInvocation), name: name, function: f,
		traceParent: r.Header.Get(headerTrace), body: body,
	})
	reply(w, v.status)
}

// proxied reports whether a reverse proxy, the host's included, touched the request.
func proxied(h http.Header) bool {
	for key := range h {
		if key == "Forwarded" || key == "X-Ms-Invocation-Id" || strings.HasPrefix(key, "X-Forwarded-") || strings.HasPrefix(key, "X-Original-") {
			return true
		}
	}
	return false
}

// reply answers with an object and its content type in every case. Success without a body
// never completes in the host, and success with another type counts as a failure. The body
// of a failure is thrown away; its cause is in the log.
func reply(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "{}") // a host that went away has nobody to tell
}

// recorder remembers the status that the HTTP function answered.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Flush lets pages stream; a writer that cannot flush just buffers.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
