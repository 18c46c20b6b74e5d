package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
)

const usage = `Usage: servicebus [--listen 127.0.0.1:0] --config Config.json | --queue NAME... | --auto-create [--data-dir DIR]

Runs a Service Bus that the client libraries of Azure Service Bus talk to unmodified. The
first line of output is its connection string. Queues and topics come from a Config.json as
Microsoft's emulator reads it, or queues from --queue. Without --data-dir messages are kept
in memory; without --key every token is accepted: keep it on the loopback interface then.
Ctrl-C or SIGTERM ends it.

`

type options struct {
	listen    string
	config    string
	queues    []string
	queue     servicebus.Queue // what the queues of --queue have in common
	dir       string
	keys      map[string]string
	rights    map[string]servicebus.Right
	anyJWT    bool
	create    bool
	tls       bool
	tlsWrite  string
	cert, key string
	level     slog.Level
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{keys: map[string]string{}, rights: map[string]servicebus.Right{}}
	fs := flag.NewFlagSet("servicebus", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 picks a free one")
	fs.StringVar(&o.config, "config", "", "`file` with queues and topics, as Microsoft's emulator reads it")
	fs.Func("queue", "`name` of a queue; repeat for several, or separate by commas", func(v string) error {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name == "" {
				return errors.New("empty queue name")
			}
			o.queues = append(o.queues, name)
		}
		return nil
	})
	fs.DurationVar(&o.queue.LockDuration, "lock", servicebus.DefaultLockDuration, "how long a received message is locked (queues of --queue)")
	fs.IntVar(&o.queue.MaxDeliveryCount, "max-deliveries", servicebus.DefaultMaxDeliveryCount, "deliveries before a message is dead-lettered (queues of --queue)")
	fs.DurationVar(&o.queue.DuplicateWindow, "duplicate-window", 0, "how long message ids are remembered; 0 = no duplicate detection (queues of --queue)")
	fs.IntVar(&o.queue.MaxMessageSize, "max-message-size", servicebus.DefaultMaxMessageSize, "bytes of a message or batch (queues of --queue)")
	fs.StringVar(&o.dir, "data-dir", "", "`directory` that keeps the messages, so that they outlive the server")
	fs.Func("key", "`policy=key`: a shared access key; with any, tokens are checked", func(v string) error {
		policy, key, ok := strings.Cut(v, "=")
		if !ok || policy == "" || key == "" {
			return errors.New("a policy and its key, apart by =")
		}
		o.keys[policy] = key
		return nil
	})
	fs.Func("rights", "`policy=send,listen,manage`: what a policy of --key may do; everything if it is not said", func(v string) error {
		policy, list, ok := strings.Cut(v, "=")
		known := map[string]servicebus.Right{"send": servicebus.Send, "listen": servicebus.Listen, "manage": servicebus.Manage}
		for name := range strings.SplitSeq(list, ",") {
			right, is := known[name]
			ok = ok && is
			o.rights[policy] |= right
		}
		if !ok {
			return errors.New("a policy and some of send, listen, manage, apart by =")
		}
		return nil
	})
	fs.BoolVar(&o.anyJWT, "any-jwt", false, "with --key: accept every token of an identity (Microsoft Entra) unread")
	fs.BoolVar(&o.create, "auto-create", false, "make a queue when a client names one that does not exist")
	fs.BoolVar(&o.tls, "tls", false, "speak TLS, with a self-signed certificate for localhost unless --tls-cert is given")
	fs.StringVar(&o.tlsWrite, "tls-write-cert", "", "`file` that gets the self-signed certificate, for clients to trust")
	fs.StringVar(&o.cert, "tls-cert", "", "PEM `file` with a certificate; needs --tls-key and implies --tls")
	fs.StringVar(&o.key, "tls-key", "", "PEM `file` with the certificate's key")
	fs.TextVar(&o.level, "log", slog.LevelInfo, "`level` of the log on stderr: debug, info, warn, error")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; see servicebus -h", fs.Arg(0))
	case len(o.queues) == 0 && o.config == "" && !o.create:
		err = errors.New("no queue named; add --queue NAME or --config FILE, or --auto-create")
	case (o.cert == "") != (o.key == ""):
		err = errors.New("--tls-cert and --tls-key go together")
	case o.tlsWrite != "" && (!o.tls || o.cert != ""):
		err = errors.New("--tls-write-cert writes the certificate of --tls without --tls-cert")
	}
	if err != nil {
		fmt.Fprintln(stderr, "servicebus:", err)
	}
	return o, err
}

// serverConfig reads the files that the options name.
func (o options) serverConfig(now func() time.Time) (servicebus.Config, error) {
	var cfg servicebus.Config
	if o.config != "" {
		f, err := os.Open(o.config)
		if err != nil {
			return cfg, err
		}
		cfg, err = servicebus.ReadConfig(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return cfg, fmt.Errorf("%s: %w", o.config, err)
		}
	}
	for _, name := range o.queues {
		q := o.queue
		q.Name = name
		cfg.Queues = append(cfg.Queues, q)
	}
	cfg.Keys, cfg.Rights, cfg.AnyJWT, cfg.AutoCreate, cfg.Dir = o.keys, o.rights, o.anyJWT, o.create, o.dir
	switch {
	case o.cert != "":
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return cfg, err
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	case o.tls:
		var certificate []byte
		var err error
		if cfg.TLS, certificate, err = servicebus.SelfSigned(now()); err != nil {
			return cfg, err
		}
		if o.tlsWrite != "" {
			if err := os.WriteFile(o.tlsWrite, certificate, 0o644); err != nil { //nolint:gosec // a certificate is public
				return cfg, err
			}
		}
	}
	return cfg, nil
}
