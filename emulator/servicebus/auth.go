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
		granted, err := c.srv.verify(r, audience)
		if err == nil && len(c.claims) >= maxClaims {
			err = errors.New("too many tokens on one connection")
		}
		if err != nil {
			return amqp.Response{Code: codeUnauthorized, Condition: conditionUnauthorized, Description: err.Error()}
		}
		if c.claims == nil {
			c.claims = map[string]claim{}
		}
		c.claims[amqp.Entity(audience)] = granted
	}
	name := strings.TrimSuffix(strings.TrimSuffix(amqp.Entity(audience), nodeManagement), "/")
	if name != "" && c.srv.resolve(name) == nil {
		e := notFound(name)
		return amqp.Response{Code: codeNotFound, Description: e.Description, Condition: e.Condition}
	}
	return amqp.Response{Code: codeAccepted, Description: "Accepted"}
}

// claim is what a token allows, and until when.
type claim struct {
	until  time.Time
	rights Right
}

const allRights = Send | Listen | Manage

// rights are those of a policy.
func (s *Server) rights(policy string) Right {
	if r, ok := s.limited[policy]; ok {
		return r
	}
	return allRights
}

// verify returns what a token allows with what audience names.
func (s *Server) verify(r amqp.Request, audience string) (claim, error) {
	token, isText := r.Value.(string)
	kind := r.Properties.String("type")
	switch {
	case !isText:
		return claim{}, sas.ErrMalformed
	case strings.HasSuffix(kind, "sastoken"):
		g, err := sas.Verify(token, audience, s.keys, s.now())
		return claim{g.Until, s.rights(g.Policy)}, err
	case kind == "jwt" && s.anyJWT:
		return claim{s.now().Add(time.Hour), allRights}, nil
	}
	return claim{}, fmt.Errorf("token of type %.60q: this emulator checks shared access signatures only", kind)
}

// authorized refuses a link for which the connection has presented no token, or none that
// gives the right that its kind needs.
func (c *conn) authorized(address string, kind linkKind) *amqp.Error {
	if len(c.srv.keys) == 0 {
		return nil
	}
	rights, name := c.allowed(address), ""
	switch {
	case rights == 0:
		return &amqp.Error{Condition: conditionUnauthorized, Description: fmt.Sprintf("Unauthorized access. No valid token was put for '%s'.", address)}
	case kind == sending && rights&Send == 0:
		name = "Send"
	case kind == receiving && rights&Listen == 0:
		name = "Listen"
	default:
		return nil
	}
	return &amqp.Error{
		Condition:   conditionUnauthorized,
		Description: fmt.Sprintf("Unauthorized access. '%s' claim(s) are required to perform this operation. Resource: '%s'.", name, address),
	}
}

// allowed returns the rights of the nearest token for the address or what is above it that
// has not expired; 0 if there is none.
func (c *conn) allowed(address string) Right {
	now := c.srv.now()
	for {
		if t, ok := c.claims[address]; ok && now.Before(t.until) {
			return t.rights
		}
		if address == "" {
			return 0
		}
		address = address[:max(strings.LastIndexByte(address, '/'), 0)]
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
	for audience, t := range c.claims {
		if !now.Before(t.until) {
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
			if l.e != nil && l.accept == nil && c.allowed(l.address()) == 0 {
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
