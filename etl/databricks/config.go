package databricks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/config/credentials"
)

// scope of Azure Databricks in Entra ID: a fixed application id, the same in every tenant.
const scope = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"

// sdkRetrySeconds bounds the SDK's own repetition of 429, 503 and refused connections,
// which is five minutes by default: longer than a message stays locked.
const sdkRetrySeconds = 20

func (c Config) check() error {
	var errs []error
	if u, err := url.Parse(c.Host); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		errs = append(errs, fmt.Errorf("databricks host %.200q is not a URL such as https://adb-1.2.azuredatabricks.net", c.Host))
	}
	if c.JobID <= 0 {
		errs = append(errs, fmt.Errorf("databricks job id %d is not positive; it is an output of the workspace's Terraform root", c.JobID))
	}
	if (c.Token == "") == (c.Credential == nil) {
		errs = append(errs, errors.New("databricks needs either a token or a credential, not both"))
	}
	return errors.Join(errs...)
}

// sdk is hermetic: no environment variable, no ~/.databrickscfg and no discovery request
// has a say.
func (c Config) sdk() *config.Config {
	cfg := &config.Config{
		Host:                c.Host,
		Loaders:             []config.Loader{nothing{}},
		RetryTimeoutSeconds: sdkRetrySeconds,
		HTTPTransport:       c.Transport,
		HostMetadataResolver: func(context.Context, string) (*config.HostMetadata, error) {
			return nil, nil
		},
	}
	if c.Credential != nil {
		cfg.Credentials = entra{c.Credential}
	} else {
		cfg.Token, cfg.AuthType = c.Token, "pat"
	}
	return cfg
}

// nothing is a loader that loads nothing; an empty list would mean the defaults.
type nothing struct{}

func (nothing) Name() string                   { return "none" }
func (nothing) Configure(*config.Config) error { return nil }

// entra authenticates with an Azure credential. The SDK's own managed identity strategy
// asks only the address of virtual machines, which Functions and App Service do not have.
type entra struct{ cred azcore.TokenCredential }

func (entra) Name() string { return "azidentity" }

func (e entra) Configure(context.Context, *config.Config) (credentials.CredentialsProvider, error) {
	return credentials.CredentialsProviderFn(func(r *http.Request) error {
		t, err := e.cred.GetToken(r.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			return fmt.Errorf("token for databricks: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+t.Token)
		return nil
	}), nil
}
