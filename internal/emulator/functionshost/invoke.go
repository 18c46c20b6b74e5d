package functionshost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/skucast/skucast/functions"
)

// hostVersion is the host whose behaviour is reproduced.
const hostVersion = "4.1045.200.25556"

var (
	errTimeout  = errors.New("invocation exceeded functionTimeout")
	errNoWorker = errors.New("host instance stopped")
	errNotSent  = errors.New("host instance stopped before the invocation was sent")

	// errNeverCompletes is the fate of a success without content: the host waits for a result
	// that is never set.
	errNeverCompletes = errors.New("success without a JSON object never completes; answer {}")
)

// invoke sends one trigger to the worker and returns nil for success.
func (i *instance) invoke(f functions.Function, body []byte) error {
	w, err := i.await(i.ctx)
	if err != nil {
		return err
	}
	set := i.host.set
	ctx, cancel := context.WithTimeoutCause(i.ctx, set.FunctionTimeout+set.TimeoutGrace, errTimeout)
	defer cancel()
	err = post(ctx, i.client, i.url("/"+f.Name), body)
	if _, transport := errors.AsType[*url.Error](err); transport {
		i.noticeDeath(ctx, w)
	}
	if errors.Is(err, errNeverCompletes) {
		i.log.ErrorContext(ctx, "worker answered success without a body; the invocation hangs until functionTimeout",
			"function", f.Name, "function_timeout", set.FunctionTimeout)
		<-ctx.Done()
	}
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errTimeout) {
		i.requestRestart(w)
		return fmt.Errorf("%s: %w", f.Name, errTimeout)
	}
	if i.ctx.Err() != nil && err != nil {
		return errNoWorker
	}
	return err
}

// await returns the worker once it is ready. The host lets an invocation wait for as long
// as all restarts that it would try may take.
func (i *instance) await(ctx context.Context) (*worker, error) {
	limit := time.NewTimer((crashesToEnd + 1) * i.host.set.InitTimeout)
	defer limit.Stop()
	select {
	case <-i.readiness():
		return i.current(), nil
	case <-i.done:
		return nil, errNotSent
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-limit.C:
		return nil, errNeverReady
	}
}

// requestRestart has w killed, unless that has happened already. When it returns, no
// invocation is sent to w any more.
func (i *instance) requestRestart(w *worker) {
	i.unready(w)
	select {
	case i.restart <- w:
	case <-w.exited:
	case <-i.done:
	}
}

// unready holds invocations back until w has been replaced.
func (i *instance) unready(w *worker) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.worker == w && isClosed(i.ready) {
		i.ready = make(chan struct{})
	}
}

// deathNotice is how long an invocation whose connection broke waits for the news that its
// worker died.
const deathNotice = 250 * time.Millisecond

// noticeDeath keeps an invocation that failed with its worker from being reported before
// the death is known. Here, where a broker is microseconds away, the message would otherwise
// come back to the dead worker's port again and again and use up all its deliveries. Exit
// code 0 stays what it is in the host: a port that refuses for ever.
func (i *instance) noticeDeath(ctx context.Context, w *worker) {
	ctx, cancel := context.WithTimeout(ctx, deathNotice)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-w.exited:
		if w.code != 0 {
			i.unready(w)
		}
	}
}

// post sends a body as the host does, chunked, and judges the answer.
func post(ctx context.Context, client *http.Client, target string, body []byte) error {
	// The plain reader hides the length, so that the body goes out in chunks.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return fmt.Errorf("invoke: %w", err)
	}
	req.ContentLength = -1
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil } // redirects are followed
	req.Header.Set("X-Azure-Functions-HostVersion", hostVersion)
	req.Header.Set("X-Azure-Functions-InvocationId", newGUID())
	req.Header.Set("User-Agent", "Azure-Functions-Host/"+hostVersion)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("invoke: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("invoke: read answer: %w", err)
	}
	return judge(resp.StatusCode, resp.Header.Get("Content-Type"), answer)
}

// judge is the host's verdict on an answer.
func judge(status int, contentType string, body []byte) error {
	if status/100 != 2 {
		return fmt.Errorf("worker answered %d", status)
	}
	if len(body) == 0 {
		return errNeverCompletes // whatever its type
	}
	if !jsonType(contentType) {
		return fmt.Errorf("worker answered with content type %q, not application/json", contentType)
	}
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || string(trimmed) == "null" {
		return errNeverCompletes
	}
	var result struct {
		Outputs map[string]json.RawMessage
		Logs    []json.RawMessage
	}
	if err := json.Unmarshal(trimmed, &result); err != nil {
		return fmt.Errorf("worker's answer is not the expected JSON object: %w", err)
	}
	for _, line := range result.Logs {
		if line[0] == '{' || line[0] == '[' {
			return errors.New("worker's answer holds a log entry that is not a scalar")
		}
	}
	if len(result.Outputs) > 0 {
		return errors.New("worker's answer holds Outputs; none are declared, send through the SDK")
	}
	return nil
}

// jsonType accepts the two types that the host has a reader for. A stray semicolon, which
// Go's parser forgives, is a failure there.
func jsonType(contentType string) bool {
	if strings.HasSuffix(strings.TrimSpace(contentType), ";") {
		return false
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/json")
}
