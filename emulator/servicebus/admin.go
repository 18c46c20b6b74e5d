package servicebus

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/atom"
	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
	"github.com/skucast/skucast/emulator/servicebus/internal/sas"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// refusal is an answer to a request that is not carried out.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return refusal{code, fmt.Sprintf(format, args...)}
}

// handleHTTP administers the namespace by ATOM, as the SDKs' administration clients do.
func (s *Server) handleHTTP(w http.ResponseWriter, r *http.Request) {
	v, code, err := s.request(r)
	if err != nil {
		var known refusal
		if !errors.As(err, &known) {
			known = refusal{http.StatusBadRequest, err.Error()}
		}
		code, v = known.code, &atom.Error{Code: known.code, Detail: known.text}
	}
	raw := []byte(nil)
	if v != nil {
		name(v, r.Host)
		if raw, err = xml.Marshal(v); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/atom+xml;type=entry;charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(raw)
}

// name makes URLs of the ids of entries, as the service does: clients read names out of them.
func name(answer any, host string) {
	absolute := func(e *atom.Entry) {
		e.ID = (&url.URL{Scheme: "https", Host: host, Path: "/" + e.ID}).String()
	}
	switch a := answer.(type) {
	case *atom.Entry:
		absolute(a)
	case *atom.Feed:
		for i := range a.Entries {
			absolute(&a.Entries[i])
		}
	}
}

func (s *Server) request(r *http.Request) (answer any, code int, err error) {
	if err := s.mayAdminister(r); err != nil {
		return nil, 0, err
	}
	path := strings.Trim(r.URL.Path, "/")
	switch lower := strings.ToLower(path); {
	case r.Method == http.MethodGet && lower == "$namespaceinfo":
		return s.describeNamespace(), http.StatusOK, nil
	case r.Method == http.MethodGet && lower == "$resources/queues":
		return s.list(r, isQueue, "")
	case r.Method == http.MethodGet && lower == "$resources/topics":
		return s.list(r, isTopic, "")
	case r.Method == http.MethodGet && strings.HasSuffix(lower, "/subscriptions"):
		return s.list(r, isSubscription, strings.TrimSuffix(lower, "/subscriptions"))
	case strings.Contains(lower, "/rules"):
		return s.administerRules(r, path)
	}
	switch r.Method {
	case http.MethodGet:
		s.emu.RLock()
		defer s.emu.RUnlock()
		e := s.entities[amqp.Entity(path)]
		if e == nil || e.kind == isDeadLetter {
			return nil, 0, refuse(http.StatusNotFound, "Entity '%s' was not found.", path)
		}
		return s.entry(e), http.StatusOK, nil
	case http.MethodPut:
		return s.put(r, path)
	case http.MethodDelete:
		return nil, http.StatusOK, s.remove(path)
	}
	return nil, 0, refuse(http.StatusMethodNotAllowed, "method %s", r.Method)
}

// mayAdminister checks the token of a request.
func (s *Server) mayAdminister(r *http.Request) error {
	if len(s.keys) == 0 {
		return nil
	}
	token := r.Header.Get("Authorization")
	if s.anyJWT && token != "" && !sas.Is(token) {
		return nil // an identity's, with "Bearer" before it or without
	}
	g, err := sas.Verify(token, "https://"+r.Host+r.URL.Path, s.keys, s.now())
	switch {
	case err != nil:
		return refuse(http.StatusUnauthorized, "%v", err)
	case s.rights(g.Policy)&Manage == 0:
		return refuse(http.StatusUnauthorized, "Manage,EntityRead claims required for this operation.")
	}
	return nil
}

func (s *Server) describeNamespace() *atom.Entry {
	const name = "sbemulatorns"
	e := &atom.Entry{ID: "$namespaceinfo", Title: name, Updated: atom.Time(s.now()), Content: atom.Content{Namespace: &atom.Namespace{
		CreatedTime: atom.Time(s.started), ModifiedTime: atom.Time(s.started), MessagingSKU: "Standard", Name: name, NamespaceType: "Messaging",
	}}}
	e.Content.Mark()
	return e
}

// page reads $skip and $top.
func page[T any](r *http.Request, all []T) ([]T, error) {
	skip, top := 0, 100
	for name, to := range map[string]*int{"$skip": &skip, "$top": &top} {
		if v := r.URL.Query().Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return nil, refuse(http.StatusBadRequest, "%s=%.20s", name, v)
			}
			*to = n
		}
	}
	all = all[min(skip, len(all)):]
	return all[:min(top, len(all))], nil
}

func (s *Server) list(r *http.Request, kind entityKind, topic string) (any, int, error) {
	s.emu.RLock()
	defer s.emu.RUnlock()
	var all []*entity
	if kind == isSubscription {
		t := s.entities[topic]
		if t == nil || t.kind != isTopic {
			return nil, 0, refuse(http.StatusNotFound, "Topic '%s' was not found.", topic)
		}
		all = s.subscriptions(t)
	} else {
		for _, e := range s.sorted() {
			if e.kind == kind {
				all = append(all, e)
			}
		}
	}
	all, err := page(r, all)
	if err != nil {
		return nil, 0, err
	}
	f := &atom.Feed{Title: r.URL.Path, Updated: atom.Time(s.now())}
	for _, e := range all {
		f.Entries = append(f.Entries, *s.entry(e))
	}
	return f, http.StatusOK, nil
}

// administerRules carries out a request for topic/Subscriptions/name/Rules[/rule].
func (s *Server) administerRules(r *http.Request, path string) (any, int, error) {
	at := strings.Index(strings.ToLower(path), "/rules")
	name := strings.TrimPrefix(path[at+len("/rules"):], "/")
	e := s.lookup(path[:at])
	if e == nil || e.kind != isSubscription {
		return nil, 0, refuse(http.StatusNotFound, "Subscription '%s' was not found.", path[:at])
	}
	entry := func(rule filter.Rule) *atom.Entry {
		out := &atom.Entry{ID: strings.Trim(path[:at], "/") + "/Rules/" + rule.Name, Title: rule.Name, Updated: atom.Time(rule.Since), Content: atom.Content{Rule: atom.DescribeRule(rule)}}
		out.Content.Mark()
		return out
	}
	switch {
	case r.Method == http.MethodGet && name == "":
		rules, err := page(r, e.rules.List())
		if err != nil {
			return nil, 0, err
		}
		f := &atom.Feed{Title: "rules", Updated: atom.Time(s.now())}
		for _, rule := range rules {
			f.Entries = append(f.Entries, *entry(rule))
		}
		return f, http.StatusOK, nil
	case r.Method == http.MethodGet:
		rule, err := e.rules.Get(name)
		if err != nil {
			return nil, 0, ruleRefused(err)
		}
		return entry(rule), http.StatusOK, nil
	case r.Method == http.MethodDelete:
		return nil, http.StatusOK, ruleRefused(s.changeRules(e, func() error { return e.rules.Remove(name) }))
	case r.Method != http.MethodPut:
		return nil, 0, refuse(http.StatusMethodNotAllowed, "method %s", r.Method)
	}
	body, err := readEntry(r)
	if err != nil {
		return nil, 0, err
	}
	if body.Content.Rule == nil {
		return nil, 0, refuse(http.StatusBadRequest, "the entry has no RuleDescription")
	}
	body.Content.Rule.Name = name
	rule, err := atom.ReadRule(body.Content.Rule)
	if err != nil {
		return nil, 0, err
	}
	rule.Since = s.now()
	change, code := e.rules.Add, http.StatusCreated
	if r.Header.Get("If-Match") != "" {
		change, code = e.rules.Replace, http.StatusOK
	}
	if err := s.changeRules(e, func() error { return change(rule) }); err != nil {
		return nil, 0, ruleRefused(err)
	}
	return entry(rule), code, nil
}

func ruleRefused(err error) error {
	switch {
	case errors.Is(err, filter.ErrNotFound):
		return refuse(http.StatusNotFound, "%v", err)
	case errors.Is(err, filter.ErrExists):
		return refuse(http.StatusConflict, "%v", err)
	}
	return err
}

func readEntry(r *http.Request) (*atom.Entry, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "a body of more than %d bytes", maxBody)
	}
	var e atom.Entry
	if err := xml.Unmarshal(raw, &e); err != nil {
		return nil, refuse(http.StatusBadRequest, "the body is no ATOM entry: %v", err)
	}
	return &e, nil
}
