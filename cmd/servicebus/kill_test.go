package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// asServer is the environment variable that makes the test binary be the server.
const asServer = "SERVICEBUS_TEST_SERVER"

func TestMain(m *testing.M) {
	if args := os.Getenv(asServer); args != "" {
		os.Exit(run(context.Background(), strings.Split(args, " "), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// serve starts a server in a process of its own.
func serve(t *testing.T, args ...string) (*exec.Cmd, *azservicebus.Client) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"="+strings.Join(args, " "))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	client, err := azservicebus.NewClientFromConnectionString(strings.TrimSpace(line), &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cmd, client
}

// Killed at any moment, a server with a data directory has every message whose sending it
// confirmed, and none whose completion it confirmed.
func TestKilledServerLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	sent, completed := map[string]bool{}, map[string]bool{}
	var mu sync.Mutex
	for round := range 4 {
		cmd, client := serve(t, "--queue", "q", "--lock", "5m", "--max-deliveries", "100", "--data-dir", dir, "--log", "error")
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		want := 400 * (round + 1)
		enough := make(chan struct{})
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				sender, err := client.NewSender("q", nil)
				if err != nil {
					return
				}
				for i := 0; ; i++ {
					id := fmt.Sprintf("%d-%d-%d", round, worker, i)
					if sender.SendMessage(ctx, &azservicebus.Message{Body: []byte(id), MessageID: &id}, nil) != nil {
						return // and nobody knows whether it arrived
					}
					mu.Lock()
					sent[id] = true
					if len(sent) == want {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		wg.Go(func() {
			r, err := client.NewReceiverForQueue("q", nil)
			if err != nil {
				return
			}
			for {
				ms, err := r.ReceiveMessages(ctx, 5, nil)
				if err != nil {
					return
				}
				for _, m := range ms {
					mu.Lock()
					if completed[m.MessageID] {
						t.Errorf("message %s came back after its completion was confirmed", m.MessageID)
					}
					mu.Unlock()
					if r.CompleteMessage(ctx, m, nil) != nil {
						continue
					}
					mu.Lock()
					completed[m.MessageID] = true
					mu.Unlock()
				}
			}
		})
		select {
		case <-enough:
		case <-ctx.Done():
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		stop()
		wg.Wait()
	}
	_, client := serve(t, "--queue", "q", "--data-dir", dir, "--log", "error")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	r, err := client.NewReceiverForQueue("q", nil)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	from := int64(0)
	for {
		ms, err := r.PeekMessages(ctx, 200, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
		if err != nil {
			t.Fatal(err)
		}
		if len(ms) == 0 {
			break
		}
		for _, m := range ms {
			left[m.MessageID] = true
			from = *m.SequenceNumber + 1
		}
	}
	lost := 0
	for id := range sent {
		switch {
		case completed[id] && left[id]:
			t.Errorf("message %s is there after its completion was confirmed", id)
		case !completed[id] && !left[id]:
			lost++ // or its completion was not confirmed in time
		}
	}
	// At each kill the receiver had at most one completion under way.
	if lost > 4 {
		t.Errorf("%d of %d messages are lost", lost, len(sent))
	}
	if len(sent) < 1600 || len(completed) < 100 {
		t.Errorf("only %d sent and %d completed", len(sent), len(completed))
	}
}
