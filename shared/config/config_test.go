package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c, err := Load(env("SKUCAST_STORAGE_DIR", "/data", "SERVICEBUS", "Endpoint=sb://x", "SKUCAST_DATABRICKS_HOST", "http://127.0.0.1:1",
		"SKUCAST_DATABRICKS_JOB_ID", "7", "SKUCAST_DATABRICKS_TOKEN", "t", "SKUCAST_BROKER_SINCE", "2026-01-02T03:04:05.6Z"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Storage.Dir != "/data" || c.Databricks.JobID != 7 || c.Reconcile.ResendAfter != 15*time.Minute || c.Reconcile.BrokerSince.IsZero() {
		t.Errorf("loaded %+v", c)
	}
	if c.Bus.ConnectionString.Reveal() != "Endpoint=sb://x" {
		t.Error("the connection string was lost")
	}
}

func TestLoadNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := Load(env("SKUCAST_STORAGE_DIR", "/data", "SKUCAST_STORAGE_ACCOUNT_URL", "ftp://x", "SKUCAST_RESEND_AFTER", "soon",
		"SKUCAST_DATABRICKS_JOB_ID", "-1"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`SKUCAST_STORAGE_ACCOUNT_URL: "ftp://x"`, "storage needs exactly one", "Service Bus needs exactly one", `SKUCAST_RESEND_AFTER: "soon"`,
		"SKUCAST_DATABRICKS_HOST is missing", "SKUCAST_DATABRICKS_JOB_ID",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	getenv := env("SERVICEBUS", value, "SKUCAST_DATABRICKS_TOKEN", value, "SKUCAST_EVENTGRID_KEY", value, "SKUCAST_STORAGE_CONNECTION_STRING", value)
	c, err := Load(getenv)
	if c.Bus.ConnectionString.Reveal() != value {
		t.Fatal("the secret was not loaded")
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "secret", c.Bus.ConnectionString)
	asJSON, _ := json.Marshal(c)
	described, _ := json.Marshal(Describe(getenv))
	out := []string{log.String(), string(asJSON), string(described), fmt.Sprint(err)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out = append(out, fmt.Sprintf(verb, c), fmt.Sprintf(verb, c.Bus.ConnectionString))
	}
	for _, s := range out {
		if strings.Contains(s, value) || strings.Contains(s, fmt.Sprintf("%x", value)) {
			t.Errorf("a secret shows in %s", s)
		}
	}
}

func TestLoadStorage(t *testing.T) {
	t.Parallel()
	s, err := LoadStorage(env("SKUCAST_STORAGE_CONNECTION_STRING", "c", "SKUCAST_DATABRICKS_JOB_ID", "none of its business"))
	if err != nil || s.ConnectionString.Reveal() != "c" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []func(string) string{env(), env("SKUCAST_STORAGE_DIR", "d", "SKUCAST_STORAGE_CONNECTION_STRING", "c"), env("SKUCAST_STORAGE_ACCOUNT_URL", "http://plain")} {
		if s, err := LoadStorage(bad); err == nil {
			t.Errorf("loaded %+v", s)
		}
	}
}
