package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

func TestServesUntilStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	pr, pw := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"--queue", "a,b", "--queue", "c", "--lock", "5s"}, pw, io.Discard)
		_ = pw.Close()
	}()
	line, err := bufio.NewReader(pr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(strings.TrimSpace(line), nil)
	if err != nil {
		t.Fatalf("first line %q: %v", line, err)
	}
	deadline, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, q := range []string{"a", "b", "c"} {
		s, err := client.NewSender(q, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SendMessage(deadline, &azservicebus.Message{Body: []byte(q)}, nil); err != nil {
			t.Fatalf("send to %s: %v", q, err)
		}
	}
	stop()
	select {
	case code := <-exit:
		if code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	case <-deadline.Done():
		t.Fatal("still running 10 s after it was told to stop")
	}
	_ = client.Close(deadline)
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"help", []string{"-h"}, 0, "Usage: servicebus"},
		{"no queue", nil, exitMisuse, "add --queue NAME or --config FILE"},
		{"no such config", []string{"--config", "nowhere.json"}, exitMisuse, "nowhere.json"},
		{"config of another kind", []string{"--config", "main.go"}, exitMisuse, "main.go: servicebus: configuration: invalid character"},
		{"key without policy", []string{"--queue", "a", "--key", "secret"}, exitMisuse, "a policy and its key"},
		{"unknown right", []string{"--queue", "a", "--rights", "p=read"}, exitMisuse, "some of send, listen, manage"},
		{"half a certificate", []string{"--queue", "a", "--tls-cert", "x"}, exitMisuse, "go together"},
		{"no such certificate", []string{"--queue", "a", "--tls-cert", "x", "--tls-key", "y"}, exitMisuse, "no such file"},
		{"certificate for nobody", []string{"--queue", "a", "--tls-write-cert", "x"}, exitMisuse, "--tls-write-cert"},
		{"no directory", []string{"--queue", "a", "--data-dir", "main.go"}, exitMisuse, "data directory"},
		{"empty queue", []string{"--queue", "a,,b"}, exitMisuse, "empty queue name"},
		{"unknown flag", []string{"--nope"}, exitMisuse, "nope"},
		{"stray argument", []string{"--queue", "a", "b"}, exitMisuse, `unexpected argument "b"`},
		{"wrong setting", []string{"--queue", "a", "--lock", "6m"}, exitMisuse, "queue a: lock duration 6m0s"},
		{"no such address", []string{"--queue", "a", "--listen", "256.0.0.1:0"}, exitFailed, "256.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(t.Context(), c.args, io.Discard, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(stderr.String(), c.text) {
				t.Errorf("stderr %q, want %q in it", stderr.String(), c.text)
			}
		})
	}
}
