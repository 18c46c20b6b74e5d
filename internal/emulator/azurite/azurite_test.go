package azurite_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skucast/skucast/internal/emulator/azurite"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
)

// A program that is not there, ends at once or never listens is an error that says so.
func TestStartThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		program string
		want    string
	}{
		"not there":     {t.Context(), filepath.Join(dir, "none"), "install.sh"},
		"ends":          {t.Context(), script("ends", "echo first >&2; echo no room >&2; exit 1"), "no room"},
		"never listens": {canceled, script("silent", "exec sleep 1000"), "context canceled"},
	} {
		s, err := azurite.Start(c.ctx, azurite.Config{Program: c.program, Dir: filepath.Join(dir, "data")})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What was written is there after an orderly end, under another key.
func TestBlobsSurviveARestart(t *testing.T) {
	t.Parallel()
	program := os.Getenv("SKUCAST_AZURITE")
	if program == "" {
		t.Skip("SKUCAST_AZURITE (the path that tools/azurite/install.sh prints) is not set: Azurite is not started")
	}
	cfg := azurite.Config{Program: program, Dir: t.TempDir()}
	place, before := blobstore.RawData+"/incoming/a.csv", ""
	for life := range 2 {
		s, err := azurite.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.ConnectionString() == before {
			t.Error("two Azurites have the same key")
		}
		before = s.ConnectionString()
		if err := azblob.CreateContainers(t.Context(), before, blobstore.RawData); err != nil {
			t.Fatal(err)
		}
		store, err := azblob.DialConnectionString(before)
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			if _, err := store.Put(t.Context(), place, strings.NewReader("x"), blobstore.Once); err != nil {
				t.Fatal(err)
			}
		} else if in, err := store.Head(t.Context(), place); err != nil || in.Size != 1 {
			t.Errorf("after the restart: %+v, %v", in, err)
		}
		s.Close()
		select {
		case <-s.Done():
		default:
			t.Error("closed and still there")
		}
	}
}
