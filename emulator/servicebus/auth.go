package servicebus

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/sas"
)

const (
	codeUnauthorized      = 401
	conditionUnauthorized = "amqp:unauthorized-access"
	// maxClaims bounds the tokens that a connection holds at a time.
	maxClaims = 4096
)

// putToken checks a token and remembers what it allows. It answers for entities that do
// not exist as well: clients learn here, and only here in a form they understand, that one
// does not.
func (c *conn) putToken(r amqp.Request) amqp.Response {
	if op := r.Properties.String("operation"); op != "put-token" {
		return amqp.Response{Code: codeNotImplemented, Description: fmt.Sprintf("operation %.100q", op)}
	}
	audience := r.Properties.String("name")
	if len(c.srv.keys) > 0 {
		until, err := c.srv.verify(r, audience)
		if err == nil && len(c.claims) >= maxClaims {
			err = errors.New("too many tokens on one connection")
		}
		if err != nil {
			return amqp.Response{Code: codeUnauthorized, Condition: conditionUnauthorized, Description: err.Error()}
		}
		if c.claims == nil {
			c.claims = map[string]time.Time{}
		}
		c.claims[amqp.Entity(audience)] = until
	}
	name := strings.TrimSuffix(strings.TrimSuffix(amqp.Entity(audience), nodeManagement), "/")
	if name != "" && c.srv.lookup(name) == nil {
		e := notFound(name)
		return amqp.Response{Code: codeNotFound, Description: e.Description, Condition: e.Condition}
	}
	return amqp.Response{Code: codeAccepted, Description: "Accepted"}
}

// verify returns until when a token allows the use of what audience names.
func (s *Server) verify(r amqp.Request, audience string) (time.Time, error) {
	token, isText := r.Value.(string)
	kind := r.Properties.String("type")
	switch {
	case !isText:
		return time.Time{}, sas.ErrMalformed
	case strings.HasSuffix(kind, "sastoken"):
		return sas.Verify(token, audience, s.keys, s.now())
	case kind == "jwt" && s.anyJWT:
		return s.now().Add(time.Hour), nil
	}
	return time.Time{}, fmt.Errorf("token of type %.60q: this emulator checks shared access signatures only", kind)
}

// authorized refuses an entity for which the connection has presented no token.
func (c *conn) authorized(address string) *amqp.Error {
	if len(c.srv.keys) == 0 || c.allowed(address) {
		return nil
	}
	return &amqp.Error{
		Condition:   conditionUnauthorized,
		Description: fmt.Sprintf("no valid token was put for '%s'", address),
	}
}

// allowed reports whether a token that has not expired is for the address or above it.
func (c *conn) allowed(address string) bool {
	now := c.srv.now()
	for {
		if until, ok := c.claims[address]; ok && now.Before(until) {
			return true
		}
		i := strings.LastIndexByte(address, '/')
		if i < 0 {
			until, ok := c.claims[""]
			return ok && now.Before(until)
		}
		address = address[:i]
	}
}

// expireClaims detaches the links whose tokens have expired without a newer one.
func (c *conn) expireClaims() {
	if len(c.srv.keys) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.srv.now()
	expired := false
	for audience, until := range c.claims {
		if !now.Before(until) {
			delete(c.claims, audience)
			expired = true
		}
	}
	if !expired {
		return
	}
	why := &amqp.Error{Condition: conditionUnauthorized, Description: sas.ErrExpired.Error()}
	for _, s := range c.sessions {
		for _, l := range s.links {
			if l.e != nil && l.accept == nil && !c.allowed(l.address()) {
				s.detachLink(l, why)
			}
		}
	}
}

// address is what a link needs a token for.
func (l *link) address() string {
	if l.kind == requesting || l.kind == answering {
		return l.node
	}
	return l.e.address
}
