package worker

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/shared/config"
)

// identity is a credential that remembers what tokens were asked for.
type identity struct {
	mu     sync.Mutex
	scopes []string
}

func (i *identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.scopes = append(i.scopes, o.Scopes...)
	return azcore.AccessToken{Token: "token-of-the-identity", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (i *identity) asked() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := slices.Clone(i.scopes)
	slices.Sort(s)
	return slices.Compact(s)
}

// service answers HTTPS as storage, Databricks and Event Grid would, and notes who comes
// with anything but the identity's token.
func service(t *testing.T, cfg *tls.Config) (url string, seen func() []string) {
	t.Helper()
	var mu sync.Mutex
	var paths []string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
		if got := r.Header.Get("Authorization"); got != "Bearer token-of-the-identity" {
			t.Errorf("%s %s comes with %q", r.Method, r.URL.Path, got)
		}
		if r.Header.Get("aeg-sas-key") != "" || r.Header.Get("aeg-sas-token") != "" || r.URL.Query().Has("sig") {
			t.Errorf("%s %s comes with a key", r.Method, r.URL.Path)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.Path, "/jobs/") {
			fmt.Fprint(w, `{"run_id":7,"number_in_job":7}`)
		}
	}))
	srv.TLS, srv.Config.ErrorLog = cfg.Clone(), log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(paths)
	}
}

// The cloud's settings need no key: with none at all the function app is connected, and
// storage, Databricks and Event Grid see a token of the identity, on the wire. Service Bus is
// dialled by its first use, which is left out.
func TestCloudSettingsNeedNoKey(t *testing.T) {
	tlsConfig, certificate, err := servicebus.SelfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots) // read once, by the first TLS client of this process
	url, seen := service(t, tlsConfig)
	url = strings.Replace(url, "127.0.0.1", "localhost", 1)
	settings := map[string]string{
		"SKUCAST_STORAGE_ACCOUNT_URL":         url,
		"SERVICEBUS__fullyQualifiedNamespace": "retail.servicebus.windows.net",
		"SKUCAST_DATABRICKS_HOST":             url,
		"SKUCAST_DATABRICKS_JOB_ID":           "7",
		"SKUCAST_EVENTGRID_ENDPOINT":          url + "/api/events",
	}
	getenv := func(name string) string { return settings[name] }
	cfg, err := config.Load(getenv)
	if err != nil {
		t.Fatalf("settings without a key are refused: %v", err)
	}
	for _, s := range config.Describe(getenv) {
		if s.Value == "[redacted]" {
			t.Errorf("%s is a secret among the cloud's settings", s.Name)
		}
	}
	if cred, err := credential(cfg); err != nil || cred == nil {
		t.Errorf("credential of the cloud: %v, %v", cred, err)
	}
	id := &identity{}
	parts, closeParts, err := connect(cfg, id)
	if err != nil {
		t.Fatal(err)
	}
	defer closeParts()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for name, do := range map[string]func() error{
		"storage": func() error { _, err := parts.Ledger.Store.Head(ctx, "raw-data/incoming/a.csv"); return err },
		"databricks": func() error {
			_, err := parts.Jobs.Submit(ctx, strings.Repeat("a", 64), "forecasts/drops/x.json")
			return err
		},
		"event grid": func() error { return parts.publisher.Publish(ctx, "run/published", []byte(`{}`)) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := []string{
		"2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default", // Azure Databricks
		"https://eventgrid.azure.net/.default",
		"https://storage.azure.com/.default",
	}
	if got := id.asked(); !slices.Equal(got, want) {
		t.Errorf("tokens for %q, want %q", got, want)
	}
	if paths := seen(); len(paths) != 3 {
		t.Errorf("requests %q, want one each to storage, Databricks and Event Grid", paths)
	}
}

// Where the settings name a key for everything, nobody asks for an identity.
func TestLocalSettingsNeedNoIdentity(t *testing.T) {
	t.Parallel()
	local := config.Config{
		Storage: config.Storage{ConnectionString: "c"}, Bus: config.Bus{ConnectionString: "c"},
		Databricks: config.Databricks{Token: "t"}, EventGrid: config.EventGrid{Endpoint: "https://e", Key: "k"},
	}
	if cred, err := credential(local); cred != nil || err != nil {
		t.Errorf("credential of local settings: %v, %v", cred, err)
	}
	for name, change := range map[string]func(*config.Config){
		"storage":    func(c *config.Config) { c.Storage = config.Storage{AccountURL: "https://a"} },
		"bus":        func(c *config.Config) { c.Bus = config.Bus{Namespace: "n"} },
		"databricks": func(c *config.Config) { c.Databricks.Token = "" },
		"event grid": func(c *config.Config) { c.EventGrid.Key = "" },
	} {
		c := local
		change(&c)
		if cred, err := credential(c); cred == nil || err != nil {
			t.Errorf("%s by identity: %v, %v", name, cred, err)
		}
	}
}
