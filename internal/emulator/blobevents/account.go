package blobevents

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Account is a storage account as a connection string names it. It holds a key: its text
// forms leave that out.
type Account struct {
	Name string
	blob *url.URL // of the blob service, without a slash at its end
	key  string
	sas  string
}

// development is what UseDevelopmentStorage=true stands for: Azurite on its usual port, with
// the account and key that Microsoft publishes for it.
const development = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" +
	"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
	"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

var errConnection = errors.New("the storage connection string is not of the form " +
	"DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net, with BlobEndpoint=http://HOST:PORT/ACCOUNT for Azurite")

// ParseAccount reads a connection string. Its errors quote nothing of it.
func ParseAccount(connection string) (Account, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimSpace(connection), ";") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return Account{}, errConnection
		}
		parts[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	if strings.EqualFold(parts["usedevelopmentstorage"], "true") {
		return ParseAccount(development)
	}
	a := Account{Name: parts["accountname"], key: parts["accountkey"], sas: strings.TrimPrefix(parts["sharedaccesssignature"], "?")}
	endpoint := parts["blobendpoint"]
	if endpoint == "" {
		if a.Name == "" {
			return Account{}, errConnection
		}
		endpoint = fmt.Sprintf("%s://%s.blob.%s", or(parts["defaultendpointsprotocol"], "https"), a.Name, or(parts["endpointsuffix"], "core.windows.net"))
	}
	u, err := url.Parse(strings.TrimRight(endpoint, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.User != nil {
		return Account{}, errConnection
	}
	a.blob = u
	if a.Name == "" { // with a signature the account is only in its address
		a.Name, _, _ = strings.Cut(u.Hostname(), ".")
		if base := strings.Trim(u.Path, "/"); base != "" {
			a.Name = base
		}
	}
	if (a.key == "" || parts["accountname"] == "") && a.sas == "" {
		return Account{}, errConnection
	}
	return a, nil
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// ConnectionString reaches the account at its own address.
func (a Account) ConnectionString() string { return a.through(a.blob) }

// through is the connection string of the same account at another address.
func (a Account) through(at *url.URL) string {
	if a.key == "" {
		return "BlobEndpoint=" + at.String() + ";SharedAccessSignature=" + a.sas
	}
	return "DefaultEndpointsProtocol=" + at.Scheme + ";AccountName=" + a.Name + ";AccountKey=" + a.key + ";BlobEndpoint=" + at.String() + ";"
}

// String leaves the key out.
func (a Account) String() string {
	if a.blob == nil {
		return "no storage account"
	}
	return "storage account " + a.Name + " at " + a.blob.String()
}

// GoString leaves the key out of %#v as well.
func (a Account) GoString() string { return a.String() }
