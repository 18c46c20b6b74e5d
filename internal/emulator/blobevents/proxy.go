// Package blobevents raises the BlobCreated events of a storage account that has none:
// Azurite's, or a real account without an Event Grid topic. It is a proxy before the
// account's blob service. Requests pass through it as they are, streamed, with their
// signatures; when the service has answered 2xx to one that wrote a whole blob, the event
// is raised, once, before the client has its answer.
//
// Event Grid names the operation in data.api. Put Blob, also of append and page blobs and
// from a URL, is PutBlob; Put Block List is PutBlockList; both Copy Blob operations are
// CopyBlob, raised when the copy is done. Nothing else raises anything: no deletion, block,
// page, property or lease. The operations of the DFS endpoint (create, flush, rename) do
// not come by here: Azurite has no such endpoint, and on a real account it has an address of
// its own. What is written past the proxy is found by reconcile.
//
// SharedKey signs the account's name and the path, not the host, so a request is valid at
// both ends as long as the paths are equal: the proxy's address ends in the account's path
// where the account's own does.
package blobevents

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
)

// Config of a proxy.
type Config struct {
	Backend Account
	// Raise publishes an event. It is called for each write, perhaps at the same time for
	// several, and its error is logged: the write has happened.
	Raise func(ctx context.Context, e eventgrid.BlobEvent) error
	Log   *slog.Logger // nil: silent

	AnswerWithin time.Duration // for the service's answer to a whole request; 0 is 2 minutes
	LookEvery    time.Duration // at a copy that goes on in the background; 0 is 1 s
}

// Proxy is a running proxy.
type Proxy struct {
	cfg     Config
	url     *url.URL
	reverse *httputil.ReverseProxy
	server  *http.Server
	blobs   describer
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start listens on a loopback port that the kernel chooses. The proxy ends with ctx or
// Close.
func Start(ctx context.Context, cfg Config) (*Proxy, error) {
	if cfg.Backend.blob == nil || cfg.Raise == nil {
		return nil, errors.New("blob events: a proxy needs an account and something to raise events with")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.AnswerWithin <= 0 {
		cfg.AnswerWithin = 2 * time.Minute
	}
	if cfg.LookEvery <= 0 {
		cfg.LookEvery = time.Second
	}
	blobs, err := newDescriber(cfg.Backend)
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for blob requests: %w", err)
	}
	p := &Proxy{cfg: cfg, blobs: blobs, url: &url.URL{Scheme: "http", Host: ln.Addr().String(), Path: cfg.Backend.blob.Path}}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.reverse = &httputil.ReverseProxy{
		Rewrite: p.rewrite, Transport: transport(cfg.AnswerWithin), ModifyResponse: p.answered, ErrorHandler: p.failed,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // broken streams, which both ends see as well
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, ErrorLog: p.reverse.ErrorLog}
	p.running.Go(func() {
		if err := p.server.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("the proxy before the storage account has stopped", "error", err)
		}
	})
	return p, nil
}

// transport changes nothing on the way. Idle connections are dropped before Node's server
// drops them, after 5 s: a write cannot be repeated here.
func transport(answerWithin time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment, // which leaves loopback addresses out
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		DisableCompression:    true, // a compressed answer would be another one than was asked for
		ResponseHeaderTimeout: answerWithin,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       4 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// ConnectionString is how clients reach the account through the proxy.
func (p *Proxy) ConnectionString() string { return p.cfg.Backend.through(p.url) }

// Close ends the proxy and every request in it.
func (p *Proxy) Close() {
	p.cancel()
	_ = p.server.Close() // listeners and connections; nothing is to be saved
	p.running.Wait()
	p.reverse.Transport.(*http.Transport).CloseIdleConnections()
}

// written is the context key of the operation of a request that writes.
type written struct{}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, writes := classify(r, p.cfg.Backend.blob.Path)
	if writes {
		// A client that goes away after its last byte has written all the same, so the answer
		// is waited for. One that goes before ends the request by its body.
		ctx, cancel := context.WithCancel(context.WithValue(p.ctx, written{}, op))
		defer cancel()
		r = r.WithContext(ctx)
	}
	p.reverse.ServeHTTP(w, r)
}

// rewrite sends a request to the service, with path and query byte by byte as they came.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = p.cfg.Backend.blob.Scheme, p.cfg.Backend.blob.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = p.cfg.Backend.blob.Host
}

// answered raises the event of a write that succeeded.
func (p *Proxy) answered(resp *http.Response) error {
	op, writes := resp.Request.Context().Value(written{}).(operation)
	if !writes || resp.StatusCode/100 != 2 {
		return nil
	}
	e := eventgrid.BlobEvent{
		Container: op.container, Blob: op.blob, API: op.api, BlobType: op.blobType, ContentType: op.contentType,
		ETag: strings.Trim(resp.Header.Get("ETag"), `"`), Size: op.size,
	}
	if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		e.Time = at
	}
	switch {
	case op.api == eventgrid.APICopyBlob && strings.EqualFold(resp.Header.Get("X-Ms-Copy-Status"), copyPending):
		p.running.Go(func() { p.awaitCopy(e, resp.Header.Get("X-Ms-Copy-Id")) })
		return nil
	case op.size == unknown:
		p.describe(&e)
	}
	if e.ContentType == "" {
		e.ContentType = "application/octet-stream"
	}
	p.raise(e)
	return nil
}

func (p *Proxy) raise(e eventgrid.BlobEvent) {
	if err := p.cfg.Raise(p.ctx, e); err != nil && p.ctx.Err() == nil {
		p.cfg.Log.Warn("event not raised", "blob", e.Container+"/"+e.Blob, "error", err)
	}
}

// failed answers for a service that did not.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if ue, ok := errors.AsType[*url.Error](err); ok { // its text has the URL, whose query may hold a signature
		err = ue.Err
	}
	p.cfg.Log.Warn("the storage account does not answer", "method", r.Method, "path", r.URL.Path, "error", err)
	type answer struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	b, _ := xml.Marshal(answer{Code: CodeUnavailable, Message: fmt.Sprintf( // two strings always encode
		"the storage account behind this proxy, %s, does not answer: %v; it may have written all the same", p.cfg.Backend.blob.Host, err)})
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Ms-Error-Code", CodeUnavailable)
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write(b)
}

// CodeUnavailable is the error code of a request that the service did not answer.
const CodeUnavailable = "BackendUnavailable"
