package blobevents

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestParseAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, account, url, through string }{
		"azurite": {
			"DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5==;BlobEndpoint=http://127.0.0.1:10000/dev;QueueEndpoint=http://127.0.0.1:10001/dev;",
			"dev", "http://127.0.0.1:10000/dev",
			"DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5==;BlobEndpoint=http://127.0.0.1:1/dev;",
		},
		"a real account": {
			"DefaultEndpointsProtocol=https;AccountName=retail;AccountKey=a2V5;EndpointSuffix=core.windows.net", "retail", "https://retail.blob.core.windows.net",
			"DefaultEndpointsProtocol=http;AccountName=retail;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1;",
		},
		"another cloud": {
			"AccountName=retail;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn", "retail", "https://retail.blob.core.chinacloudapi.cn",
			"DefaultEndpointsProtocol=http;AccountName=retail;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1;",
		},
		"a signature": {
			"BlobEndpoint=https://retail.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=a%3D", "retail", "https://retail.blob.core.windows.net",
			"BlobEndpoint=http://127.0.0.1:1;SharedAccessSignature=sv=2024&sig=a%3D",
		},
		"development storage": {
			"UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1",
			strings.Replace(development, "127.0.0.1:10000", "127.0.0.1:1", 1) + ";",
		},
	} {
		a, err := ParseAccount(c.in)
		if err != nil || a.Name != c.account || a.blob.String() != c.url {
			t.Errorf("%s: %v, %v", name, a, err)
			continue
		}
		at := &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: a.blob.Path}
		if got := a.through(at); got != c.through {
			t.Errorf("%s: through the proxy by\n%s, want\n%s", name, got, c.through)
		}
		if again, err := ParseAccount(a.ConnectionString()); err != nil || again.String() != a.String() {
			t.Errorf("%s: its own connection string gives %v, %v", name, again, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, a); strings.Contains(s, "a2V5") || strings.Contains(s, "sig=") {
				t.Errorf("%s: a secret shows in %s", name, s)
			}
		}
	}
	for _, bad := range []string{
		"", "hunter2", "AccountName=x", "AccountKey=hunter2", "AccountName=x;AccountKey=hunter2;BlobEndpoint=ftp://x",
		"AccountName=x;AccountKey=hunter2;BlobEndpoint=http://", "AccountName=x;AccountKey=hunter2;BlobEndpoint=http://u:hunter2@h",
		"BlobEndpoint=http://127.0.0.1:1/x", "BlobEndpoint=http://127.0.0.1:1/x;AccountKey=hunter2", "AccountName=a b;AccountKey=hunter2",
	} {
		if a, err := ParseAccount(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v", bad, a, err)
		}
	}
}

func FuzzParseAccount(f *testing.F) {
	f.Add(development)
	f.Add("BlobEndpoint=https://retail.blob.core.windows.net/;SharedAccessSignature=?sig=a%3D")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAccount(s)
		if err != nil {
			return
		}
		if a.blob == nil || a.blob.Host == "" || a.key == "" && a.sas == "" {
			t.Errorf("%q: %v", s, a)
		}
	})
}
