package servicebus_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
)

// fill makes every further write to a file that is open in this process fail as on a full
// disk.
func fill(t *testing.T, name string) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range open {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); to == name {
			fd, err := strconv.Atoi(e.Name())
			must(t, err)
			must(t, syscall.Dup3(int(full.Fd()), fd, syscall.O_CLOEXEC))
			return
		}
	}
	t.Fatalf("%s is not open", name)
}

// A server whose disk is full confirms nothing and ends, and says why; what it confirmed
// before is there.
func TestFullDiskEndsServer(t *testing.T) {
	dir := t.TempDir()
	cfg := servicebus.Config{Dir: dir, Queues: []servicebus.Queue{{Name: "q"}}}
	srv, err := servicebus.New(cfg)
	must(t, err)
	defer srv.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	c, err := azservicebus.NewClientFromConnectionString(srv.ConnectionString(ln.Addr()), &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}})
	must(t, err)
	ctx := within(t, 10*time.Second)
	snd := sender(t, c, "q")
	send(ctx, t, snd, "confirmed")
	fill(t, filepath.Join(dir, "journal-00000001"))
	if err := snd.SendMessage(ctx, &azservicebus.Message{}, nil); err == nil {
		t.Error("a message was confirmed")
	}
	if err := <-served; !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "write the journal") {
		t.Errorf("served until %v", err)
	}
	if err := srv.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
	again, err := servicebus.New(cfg)
	must(t, err)
	if st, _ := again.Stats("q"); st.Active != 1 {
		t.Errorf("%+v", st)
	}
	must(t, again.Close())
}
