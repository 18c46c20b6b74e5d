package functions

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Stage writes the app root that Azure needs into dir: host.json, one folder with its
// function.json per function, and the static linux/amd64 binary under the name that
// host.json starts, with its executable bits. dir is replaced when it is absent, empty or an
// earlier staging, so that a function that no longer exists is not deployed.
func Stage(dir string, hostJSON []byte, binary string) error {
	name, err := executableName(hostJSON)
	if err != nil {
		return err
	}
	all, err := All()
	if err != nil {
		return err
	}
	if err := checkStatic(binary); err != nil {
		return err
	}
	if err := replaceable(dir); err != nil {
		return err
	}
	next := filepath.Clean(dir) + ".staging"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("clear %s: %w", next, err)
	}
	if err := writeApp(next, hostJSON, all); err != nil {
		return err
	}
	if err := copyExecutable(filepath.Join(next, name), binary); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	if err := os.Rename(next, dir); err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	return nil
}

func writeApp(dir string, hostJSON []byte, all []Function) error {
	for _, f := range all {
		if err := os.MkdirAll(filepath.Join(dir, f.Name), 0o755); err != nil {
			return fmt.Errorf("stage %s: %w", f.Name, err)
		}
		data, err := embedded.ReadFile(f.Name + "/function.json")
		if err != nil {
			return fmt.Errorf("stage %s: %w", f.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name, "function.json"), data, 0o644); err != nil {
			return fmt.Errorf("stage %s: %w", f.Name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "host.json"), hostJSON, 0o644); err != nil {
		return fmt.Errorf("stage host.json: %w", err)
	}
	return nil
}

// executableName is the file name that host.json starts. The host takes a text that names
// no file in the app root for a command on PATH, so a path is refused here.
func executableName(hostJSON []byte) (string, error) {
	var host struct {
		CustomHandler struct {
			Description struct {
				DefaultExecutablePath string `json:"defaultExecutablePath"`
			} `json:"description"`
		} `json:"customHandler"`
	}
	if err := json.Unmarshal(hostJSON, &host); err != nil {
		return "", fmt.Errorf("host.json: %w", err)
	}
	name := host.CustomHandler.Description.DefaultExecutablePath
	if name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return "", fmt.Errorf("host.json: customHandler.description.defaultExecutablePath %q is not a plain file name", name)
	}
	return name, nil
}

// checkStatic refuses what would fail only on the first start in Azure: another operating
// system or processor, or a binary that needs a loader and a C library.
func checkStatic(binary string) error {
	f, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("%s is no linux binary; build it with GOOS=linux GOARCH=amd64 CGO_ENABLED=0: %w", binary, err)
	}
	defer func() { _ = f.Close() }() // only read
	if f.Machine != elf.EM_X86_64 {
		return fmt.Errorf("%s is built for %s; build it with GOARCH=amd64", binary, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically; build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}

func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stage into %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() == "host.json" {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("stage into %s: it holds other files and no host.json; name an empty or absent folder", dir)
	}
	return nil
}

func copyExecutable(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("stage binary: %w", err)
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return fmt.Errorf("stage binary: %w", err)
	}
	_, err = io.Copy(out, in)
	// Chmod because the mode given to OpenFile is cut by the umask.
	if err = errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return fmt.Errorf("stage binary: %w", err)
	}
	return nil
}
