package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Everything gets through both ways, with the end, in pieces each of which is paid for.
func TestWire(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		c, err := echo.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}()
	w, err := newWire(t.Context(), "127.0.0.1:0", echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	c, err := net.Dial("tcp", w.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("0123456789"), 10_000)
	go func() {
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
	}
}

func TestPiecesArePaidFor(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	far, end := net.Pipe()
	go func() {
		_, _ = here.Write(make([]byte, 3*wirePiece+1))
		_ = here.Close()
	}()
	go func() { _, _ = io.Copy(io.Discard, end) }()
	paid := 0
	carry(far, there, func(n int) {
		if paid += n; n > wirePiece {
			t.Errorf("a piece of %d bytes", n)
		}
	})
	if paid != 3*wirePiece+1 {
		t.Errorf("%d bytes were paid for", paid)
	}
}

func TestTreeIsCopiedWritable(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "a", "v1")
	if err := errors.Join(os.Mkdir(filepath.Join(from, "sub"), 0o700), os.WriteFile(filepath.Join(from, "sub", "x.go"), []byte("x"), 0o400)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := copyTree(to, from); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(to, "sub", "x.go"))
	if err != nil || info.Mode()&0o200 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := copyTree(filepath.Join(to, "other"), filepath.Join(from, "none")); err == nil {
		t.Error("a folder that is not there was copied")
	}
}
