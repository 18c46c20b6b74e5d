package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
)

// suite is what a client's tests want from their surroundings.
type suite struct {
	module     string
	privileged bool                                      // wants ports below 1024
	setUp      func(dir string) error                    // writes the files that the two below name
	listen     func(i int) string                        // address of the i-th broker
	broker     func(dir string) []string                 // its other arguments
	env        func(dir, broker string) []string         // of the test, given the broker's address
	between    func(i int) (listen, dial string, _ bool) // a slower way to the broker
}

var suites = map[string]*suite{
	"azservicebus": {
		module: "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus", privileged: true,
		setUp:  identity,
		listen: func(i int) string { return host(i) + ":443" },
		broker: func(dir string) []string {
			return []string{
				"--queue", "testQueue", "--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem"),
				"--key", "RootManageSharedAccessKey=all", "--key", "nomanage=some", "--key", "sendonly=send", "--key", "listenonly=listen",
				"--rights", "nomanage=send,listen", "--rights", "sendonly=send", "--rights", "listenonly=listen", "--any-jwt",
			}
		},
		env: func(dir, broker string) []string {
			name := strings.TrimSuffix(broker, ":443")
			with := func(policy, key string) string {
				return "Endpoint=sb://" + name + "/;SharedAccessKeyName=" + policy + ";SharedAccessKey=" + key
			}
			all := with("RootManageSharedAccessKey", "all")
			return []string{
				"AZURE_RECORD_MODE=live", "AZURE_TOKEN_CREDENTIALS=AzureCLICredential",
				"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "SSL_CERT_FILE=" + filepath.Join(dir, "cert.pem"),
				"SERVICEBUS_ENDPOINT=" + name, "SERVICEBUS_ENDPOINT_PREMIUM=" + name,
				"SERVICEBUS_CONNECTION_STRING=" + all, "SERVICEBUS_CONNECTION_STRING_PREMIUM=" + all,
				"SERVICEBUS_CONNECTION_STRING_NO_MANAGE=" + with("nomanage", "some"),
				"SERVICEBUS_CONNECTION_STRING_SEND_ONLY=" + with("sendonly", "send"),
				"SERVICEBUS_CONNECTION_STRING_LISTEN_ONLY=" + with("listenonly", "listen"),
			}
		},
		between: func(i int) (listen, dial string, _ bool) { return host(i) + ":5671", host(i) + ":443", true },
	},
	"goamqp": {
		module:  "github.com/Azure/go-amqp",
		setUp:   func(string) error { return nil },
		listen:  func(int) string { return "127.0.0.1:0" },
		broker:  func(string) []string { return []string{"--auto-create"} },
		env:     func(_, broker string) []string { return []string{"AMQP_BROKER_ADDR=amqp://" + broker} },
		between: func(int) (listen, dial string, _ bool) { return "", "", false },
	},
}

// host is the i-th loopback address, clear of 127.0.0.1: a test of azservicebus wants nothing
// to listen there.
func host(i int) string { return fmt.Sprintf("127.1.%d.%d", i/200, 1+i%200) }

// maxHosts is how many brokers the certificate is for.
const maxHosts = 400

// cli stands in for Azure's command line, from which the tests have the token of an identity.
const cli = `#!/bin/sh
echo '{"accessToken":"eyJhbGciOiJub25lIn0.eyJvaWQiOiJ4IiwidGlkIjoieSIsInVwbiI6InoiLCJhcHBpZCI6ImEifQ.","expiresOn":"2050-01-01 00:00:00.000000","expires_on":2524608000,"subscription":"s","tenant":"t","tokenType":"Bearer"}'
`

// identity writes a certificate for all the brokers, its key, and the program az.
func identity(dir string) error {
	hosts := make([]string, maxHosts)
	for i := range hosts {
		hosts[i] = host(i)
	}
	cfg, certificate, err := servicebus.SelfSigned(time.Now(), hosts...)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cfg.Certificates[0].PrivateKey)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), certificate, 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		os.WriteFile(filepath.Join(dir, "az"), []byte(cli), 0o700), //nolint:gosec // a program is executable
	)
}
