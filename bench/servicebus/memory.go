package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// memory starts a broker, sends it a million messages of 200 bytes, with duplicate detection,
// and returns the most resident memory that it has had, in bytes.
func memory(ctx context.Context, broker string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, broker, "--queue", "q", "--duplicate-window", "1h", "--log", "error")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Cancel()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("it did not start: %w", err)
	}
	if err := fill(ctx, strings.TrimSpace(line), 1_000_000); err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return peakOf(string(status))
}

// peakOf reads the high-water mark of the resident memory in /proc/PID/status.
func peakOf(status string) (float64, error) {
	_, rest, ok := strings.Cut(status, "VmHWM:")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 || fields[1] != "kB" {
		return 0, errors.New("/proc/PID/status has no line VmHWM")
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	return kib * 1024, err
}

func fill(ctx context.Context, connection string, n int) error {
	client, err := azservicebus.NewClientFromConnectionString(connection, nil)
	if err != nil {
		return err
	}
	sender, err := client.NewSender("q", nil)
	if err != nil {
		return err
	}
	body := bytes.Repeat([]byte("x"), 200)
	for i := 0; i < n; {
		batch, err := sender.NewMessageBatch(ctx, nil)
		if err != nil {
			return err
		}
		for ; i < n; i++ {
			id := strconv.Itoa(i)
			err := batch.AddMessage(&azservicebus.Message{Body: body, MessageID: &id}, nil)
			if errors.Is(err, azservicebus.ErrMessageTooLarge) {
				break
			}
			if err != nil {
				return err
			}
		}
		if err := sender.SendMessageBatch(ctx, batch, nil); err != nil {
			return err
		}
	}
	return client.Close(ctx)
}
