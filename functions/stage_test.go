package functions

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// build compiles a program that does nothing, with the given environment.
func build(t *testing.T, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	src, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, src)
	cmd.Env = append(cmd.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return out
}

func staged(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestStage(t *testing.T) {
	hostJSON, err := os.ReadFile("../host.json")
	if err != nil {
		t.Fatal(err)
	}
	binary := build(t, "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	dist := filepath.Join(t.TempDir(), "dist")
	if err := Stage(dist, hostJSON, binary); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"api/function.json", "finish-run/function.json", "functionapp", "host.json",
		"plan-training/function.json", "publish-run/function.json", "reconcile/function.json",
		"submit-etl/function.json", "train-sku/function.json",
	}
	if got := staged(t, dist); !slices.Equal(got, want) {
		t.Errorf("staged files\n got %v\nwant %v", got, want)
	}
	info, err := os.Stat(filepath.Join(dist, "functionapp"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("functionapp has mode %v, %v; want 0755", info.Mode(), err)
	}
	if name, err := executableName(mustRead(t, filepath.Join(dist, "host.json"))); err != nil || name != "functionapp" {
		t.Errorf("host.json starts %q, %v; want the staged binary", name, err)
	}
	if string(mustRead(t, filepath.Join(dist, "functionapp"))) != string(mustRead(t, binary)) {
		t.Error("the staged binary differs from its source")
	}

	t.Run("again, over an earlier staging with a function that is gone", func(t *testing.T) {
		stale := filepath.Join(dist, "old-function")
		if err := os.Mkdir(stale, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := Stage(dist, hostJSON, binary); err != nil {
			t.Fatal(err)
		}
		if got := staged(t, dist); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if _, err := os.Stat(stale); err == nil {
			t.Error("the old function's folder is still there")
		}
	})

	t.Run("never over somebody's folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Stage(dir, hostJSON, binary); err == nil || !strings.Contains(err.Error(), "other files") {
			t.Errorf("got %v", err)
		}
	})
}

func TestStageRefusesWhatAzureCannotStart(t *testing.T) {
	hostJSON := func(path string) []byte {
		return []byte(`{"customHandler":{"description":{"defaultExecutablePath":"` + path + `"}}}`)
	}
	text := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, binary, want string
		hostJSON           []byte
	}{
		{"no linux binary", text, "no linux binary", hostJSON("functionapp")},
		{"other processor", build(t, "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"), "EM_AARCH64", hostJSON("functionapp")},
		{"absent binary", filepath.Join(t.TempDir(), "absent"), "no linux binary", hostJSON("functionapp")},
		{"host.json without executable", text, "not a plain file name", []byte(`{}`)},
		{"executable in a folder", text, "not a plain file name", hostJSON("bin/functionapp")},
		{"broken host.json", text, "host.json", []byte(`{`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dist := filepath.Join(t.TempDir(), "dist")
			if err := Stage(dist, c.hostJSON, c.binary); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(dist); err == nil {
				t.Error("a refused staging left a folder")
			}
		})
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
