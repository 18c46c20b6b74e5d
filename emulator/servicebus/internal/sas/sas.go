// Package sas checks shared access signatures, the tokens that a Service Bus client makes
// from a connection string with a key.
//
// A token is "SharedAccessSignature sr=RESOURCE&sig=SIGNATURE&se=EXPIRY&skn=POLICY". The
// signature is the HMAC-SHA256, with the key of the policy, of the escaped resource, a line
// feed and the expiry in seconds since 1970; it allows everything below the resource.
package sas

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Why a token is refused.
var (
	ErrMalformed = errors.New("MalformedToken: the token is not a shared access signature")
	ErrPolicy    = errors.New("InvalidSignature: there is no shared access policy of that name")
	ErrSignature = errors.New("InvalidSignature: the token has an invalid signature")
	ErrExpired   = errors.New("ExpiredToken: The token is expired")
	ErrAudience  = errors.New("InvalidAudience: the token was made for another resource")
)

const (
	prefix    = "SharedAccessSignature "
	maxLength = 4096 // bytes of a token
)

// Is reports whether a token claims to be a shared access signature.
func Is(token string) bool { return strings.HasPrefix(token, prefix) }

// Grant is what a token gives.
type Grant struct {
	Policy string
	Until  time.Time
}

// Verify checks that a token, at a time, allows what audience names. Keys are by policy
// name.
func Verify(token, audience string, keys map[string]string, now time.Time) (Grant, error) {
	body, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > maxLength {
		return Grant{}, ErrMalformed
	}
	fields := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		k, v, ok := strings.Cut(pair, "=")
		if _, twice := fields[k]; !ok || twice {
			return Grant{}, ErrMalformed
		}
		fields[k] = v
	}
	resource, err := url.QueryUnescape(fields["sr"])
	if err != nil || resource == "" {
		return Grant{}, ErrMalformed
	}
	signature, err := url.QueryUnescape(fields["sig"])
	if err != nil {
		return Grant{}, ErrMalformed
	}
	seconds, err := strconv.ParseInt(fields["se"], 10, 64)
	if err != nil {
		return Grant{}, ErrMalformed
	}
	policy, err := url.QueryUnescape(fields["skn"])
	if err != nil {
		return Grant{}, ErrMalformed
	}
	key, ok := keys[policy]
	if !ok {
		return Grant{}, ErrPolicy
	}
	if !hmac.Equal([]byte(signature), []byte(sign(fields["sr"], fields["se"], key))) {
		return Grant{}, ErrSignature
	}
	expiry := time.Unix(seconds, 0)
	if !now.Before(expiry) {
		return Grant{}, fmt.Errorf("%w. Expiration time: %s", ErrExpired, expiry.UTC().Format(time.RFC1123))
	}
	if !covers(resource, audience) {
		return Grant{}, ErrAudience
	}
	return Grant{Policy: policy, Until: expiry}, nil
}

func sign(resource, expiry, key string) string {
	h := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(h, "%s\n%s", resource, expiry)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Sign makes a token for a resource.
func Sign(resource, policy, key string, expiry time.Time) string {
	sr, se := url.QueryEscape(strings.ToLower(resource)), strconv.FormatInt(expiry.Unix(), 10)
	return prefix + "sr=" + sr + "&sig=" + url.QueryEscape(sign(sr, se, key)) + "&se=" + se + "&skn=" + url.QueryEscape(policy)
}

// covers reports whether a resource is the audience or above it. Schemes do not matter, and
// a port only where both name one.
func covers(resource, audience string) bool {
	rh, rp := split(resource)
	ah, ap := split(audience)
	if !sameHost(rh, ah) {
		return false
	}
	return rp == "" || ap == rp || strings.HasPrefix(ap, rp+"/")
}

func split(uri string) (host, path string) {
	uri, _, _ = strings.Cut(strings.ToLower(uri), "?")
	if i := strings.Index(uri, "://"); i >= 0 {
		uri = uri[i+3:]
	}
	host, path, _ = strings.Cut(uri, "/")
	return host, strings.Trim(path, "/")
}

func sameHost(a, b string) bool {
	if a == b {
		return true
	}
	ah, ap, aerr := net.SplitHostPort(a)
	bh, bp, berr := net.SplitHostPort(b)
	switch {
	case aerr == nil && berr == nil:
		return ah == bh && ap == bp
	case aerr == nil:
		return ah == b
	case berr == nil:
		return a == bh
	}
	return false
}
