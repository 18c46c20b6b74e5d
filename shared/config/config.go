// Package config reads the settings of the function app from the environment: the one
// place that does. Azure app settings, local.settings.json and the local stack all end up
// there.
package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Version of the program, set when it is linked.
var Version = "dev"

// Config is everything that the function app can be told.
type Config struct {
	Storage    Storage
	Bus        Bus
	Databricks Databricks
	EventGrid  EventGrid
	Reconcile  Reconcile
	Port       string // set by the Functions host
}

// Storage names the blob store: exactly one of its fields is set.
type Storage struct {
	Dir              string // a folder
	AccountURL       string // https://<account>.blob.core.windows.net, by managed identity
	ConnectionString Secret // Azurite
}

// Bus names the Service Bus namespace: exactly one of its fields is set.
type Bus struct {
	Namespace        string // <name>.servicebus.windows.net, by managed identity
	ConnectionString Secret // a local broker
}

// Databricks names the ETL job. Without a token the managed identity is used.
type Databricks struct {
	Host  string
	Token Secret
	JobID int64
}

// EventGrid names the custom topic for finished forecasts; no endpoint, no event.
// Without a key the managed identity is used.
type EventGrid struct {
	Endpoint string
	Key      Secret
	CAFile   string // PEM of the authority that signed a local topic's certificate
}

// Reconcile says when to send again.
type Reconcile struct {
	ResendAfter time.Duration
	BrokerSince time.Time // when a broker without durability started; zero in Azure
}

// setting is one environment variable.
type setting struct {
	name, meaning, fallback string
	secret                  bool
	set                     func(*Config, string) error
}

// settings is the table that Load, Describe and the documentation share.
func settings() []setting {
	text := func(field func(*Config) *string) func(*Config, string) error {
		return func(c *Config, v string) error { *field(c) = v; return nil }
	}
	secret := func(field func(*Config) *Secret) func(*Config, string) error {
		return func(c *Config, v string) error { *field(c) = Secret(v); return nil }
	}
	return []setting{
		{name: "SKUCAST_STORAGE_DIR", meaning: "folder that holds one folder per container (local)", set: text(func(c *Config) *string { return &c.Storage.Dir })},
		{name: "SKUCAST_STORAGE_ACCOUNT_URL", meaning: "https://<account>.blob.core.windows.net, by managed identity", set: func(c *Config, v string) error {
			c.Storage.AccountURL = v
			return isURL(v, "https")
		}},
		{name: "SKUCAST_STORAGE_CONNECTION_STRING", meaning: "connection string of Azurite", secret: true, set: secret(func(c *Config) *Secret { return &c.Storage.ConnectionString })},
		{name: "SERVICEBUS__fullyQualifiedNamespace", meaning: "<name>.servicebus.windows.net, by managed identity", set: text(func(c *Config) *string { return &c.Bus.Namespace })},
		{name: "SERVICEBUS", meaning: "connection string of a local Service Bus", secret: true, set: secret(func(c *Config) *Secret { return &c.Bus.ConnectionString })},
		{name: "SKUCAST_DATABRICKS_HOST", meaning: "URL of the Databricks workspace", set: func(c *Config, v string) error {
			c.Databricks.Host = v
			return isURL(v, "https", "http")
		}},
		{name: "SKUCAST_DATABRICKS_TOKEN", meaning: "token of a local Jobs service; unset: managed identity", secret: true, set: secret(func(c *Config) *Secret { return &c.Databricks.Token })},
		{name: "SKUCAST_DATABRICKS_JOB_ID", meaning: "id of the ETL job", set: func(c *Config, v string) error {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n <= 0 {
				return errors.New("is not a positive number")
			}
			c.Databricks.JobID = n
			return nil
		}},
		{name: "SKUCAST_EVENTGRID_ENDPOINT", meaning: "URL of the custom topic for finished forecasts; unset: no event", set: func(c *Config, v string) error {
			c.EventGrid.Endpoint = v
			return isURL(v, "https")
		}},
		{name: "SKUCAST_EVENTGRID_KEY", meaning: "key of a local topic; unset: managed identity", secret: true, set: secret(func(c *Config) *Secret { return &c.EventGrid.Key })},
		{name: "SKUCAST_EVENTGRID_CA_FILE", meaning: "certificate of a local topic, PEM", set: text(func(c *Config) *string { return &c.EventGrid.CAFile })},
		{name: "SKUCAST_RESEND_AFTER", meaning: "time without any result after which reconcile sends again", fallback: "15m", set: func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d <= 0 {
				return errors.New("is not a duration such as 15m")
			}
			c.Reconcile.ResendAfter = d
			return nil
		}},
		{name: "SKUCAST_BROKER_SINCE", meaning: "when a Service Bus that keeps nothing started (RFC 3339); unset for Azure", set: func(c *Config, v string) error {
			t, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				return errors.New("is not an RFC 3339 time")
			}
			c.Reconcile.BrokerSince = t
			return nil
		}},
		{name: "FUNCTIONS_CUSTOMHANDLER_PORT", meaning: "port to listen on, set by the Functions host", set: text(func(c *Config) *string { return &c.Port })},
	}
}

func isURL(v string, schemes ...string) error {
	u, err := url.Parse(v)
	if err == nil && u.Host != "" {
		if slices.Contains(schemes, u.Scheme) {
			return nil
		}
	}
	return fmt.Errorf("is not a URL that begins with %s://", schemes[0])
}

// Load reads the settings. Its error names every setting that is wrong or missing, at
// once, without any value that is a secret.
func Load(getenv func(string) string) (Config, error) {
	var c Config
	var errs []error
	for _, s := range settings() {
		v := getenv(s.name)
		if v == "" {
			v = s.fallback
		}
		if v == "" {
			continue
		}
		if err := s.set(&c, v); err != nil {
			if !s.secret {
				err = fmt.Errorf("%q %w", v, err)
			}
			errs = append(errs, fmt.Errorf("setting %s: %w", s.name, err))
		}
	}
	errs = append(errs,
		oneStorage(c, getenv),
		exactlyOne("the Service Bus", map[string]bool{
			"SERVICEBUS": c.Bus.ConnectionString != "", "SERVICEBUS__fullyQualifiedNamespace": c.Bus.Namespace != "",
		}))
	if c.Databricks.Host == "" && getenv("SKUCAST_DATABRICKS_HOST") == "" {
		errs = append(errs, errors.New("setting SKUCAST_DATABRICKS_HOST is missing: the URL of the Databricks workspace"))
	}
	if c.Databricks.JobID == 0 && getenv("SKUCAST_DATABRICKS_JOB_ID") == "" {
		errs = append(errs, errors.New("setting SKUCAST_DATABRICKS_JOB_ID is missing: the id of the ETL job"))
	}
	return c, errors.Join(errs...)
}

// LoadStorage reads where the blob store is and nothing else: for programs that need no
// messages and no jobs.
func LoadStorage(getenv func(string) string) (Storage, error) {
	only := func(name string) string {
		if strings.HasPrefix(name, "SKUCAST_STORAGE_") {
			return getenv(name)
		}
		return ""
	}
	var c Config
	var errs []error
	for _, s := range settings() {
		if v := only(s.name); v != "" {
			if err := s.set(&c, v); err != nil {
				errs = append(errs, fmt.Errorf("setting %s: %w", s.name, err))
			}
		}
	}
	return c.Storage, errors.Join(append(errs, oneStorage(c, only))...)
}

func oneStorage(c Config, getenv func(string) string) error {
	return exactlyOne("storage", map[string]bool{
		"SKUCAST_STORAGE_DIR": c.Storage.Dir != "", "SKUCAST_STORAGE_ACCOUNT_URL": getenv("SKUCAST_STORAGE_ACCOUNT_URL") != "",
		"SKUCAST_STORAGE_CONNECTION_STRING": c.Storage.ConnectionString != "",
	})
}

// exactlyOne checks alternatives: setting name → whether it is set.
func exactlyOne(what string, set map[string]bool) error {
	n := 0
	for _, is := range set {
		if is {
			n++
		}
	}
	if n == 1 {
		return nil
	}
	return fmt.Errorf("%s needs exactly one of the settings %s; %d are set", what, names(set), n)
}
