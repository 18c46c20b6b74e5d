// Package azurite runs Microsoft's emulator of Azure Storage as a child process: its blob
// service, on a loopback port that the kernel chooses, with an account whose key nobody
// else knows. tools/azurite/install.sh installs the program.
package azurite

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Account is the name of the one storage account.
const Account = "skucastlocal"

const (
	startWithin = time.Minute      // node on a busy machine
	stopWithin  = 10 * time.Second // it writes its tables when it is asked to end
)

// Config of one Azurite.
type Config struct {
	// Program is dist/src/azurite.js of the npm package, run by the node on PATH, or a
	// program that runs by itself.
	Program string
	Dir     string // where it keeps its files; created
}

// Server is a running Azurite. What it has acknowledged is on disk when Close returns; a
// kill takes the tables of the last five seconds, which is how often it saves them.
type Server struct {
	cmd      *exec.Cmd
	key      string
	endpoint string
	done     chan struct{}
	stop     sync.Once
}

var (
	listening = regexp.MustCompile(`Blob service is successfully listening at (http://\S+)`)
	// lastStarted: from here on it saves its tables when it is asked to end.
	lastStarted = "Table service is successfully listening"
)

// Start starts Azurite and returns when it listens. It ends with Close, and with this
// process however that ends; ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("azurite: %w", err)
	}
	var key [64]byte
	_, _ = rand.Read(key[:]) // never fails
	s := &Server{key: base64.StdEncoding.EncodeToString(key[:]), done: make(chan struct{})}
	argv := []string{
		cfg.Program, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", cfg.Dir,
		"--blobHost", "127.0.0.1", "--queueHost", "127.0.0.1", "--tableHost", "127.0.0.1",
		"--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
	}
	if strings.HasSuffix(cfg.Program, ".js") {
		argv = append([]string{"node"}, argv...)
	}
	s.cmd = exec.Command(argv[0], argv[1:]...) //nolint:noctx // it outlives ctx: Close ends it
	s.cmd.SysProcAttr = procAttr()
	s.cmd.Env = append(s.cmd.Environ(), "AZURITE_ACCOUNTS="+Account+":"+s.key)
	var complaint bytes.Buffer
	s.cmd.Stderr = &complaint // whole when it has ended, which is when it is read
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("azurite: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start azurite (node and tools/azurite/install.sh are needed): %w", err)
	}
	at := make(chan struct{}, 1)
	go func() { // reads on to the end, so that Azurite never waits for a reader
		defer close(s.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil && s.endpoint == "" {
				s.endpoint = m[1] + "/" + Account
			}
			if strings.Contains(lines.Text(), lastStarted) {
				at <- struct{}{}
			}
		}
		_ = s.cmd.Wait() // how it ended is in complaint
	}()
	late := time.NewTimer(startWithin)
	defer late.Stop()
	select {
	case <-at:
		if s.endpoint != "" {
			return s, nil
		}
		err = errors.New("it does not say where its blob service listens")
	case <-s.done:
		return nil, fmt.Errorf("azurite ended before it listened: %s", lastLine(complaint.String()))
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errors.New("it does not listen")
	}
	s.kill()
	return nil, fmt.Errorf("start azurite %s: %w", cfg.Program, err)
}

// lastLine is what a program said at last.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// ConnectionString reaches the account without anything in between.
func (s *Server) ConnectionString() string {
	return "DefaultEndpointsProtocol=http;AccountName=" + Account + ";AccountKey=" + s.key + ";BlobEndpoint=" + s.endpoint + ";"
}

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close asks Azurite to save and end, and ends it if it does not.
func (s *Server) Close() {
	s.stop.Do(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		late := time.NewTimer(stopWithin)
		defer late.Stop()
		select {
		case <-s.done:
		case <-late.C:
		}
	})
	s.kill()
}

func (s *Server) kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // nobody is left in most cases
	<-s.done
}
