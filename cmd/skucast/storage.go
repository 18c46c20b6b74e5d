package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/internal/emulator/blobevents"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
)

// storageFlags say where the local pipeline keeps its blobs, if not in a folder.
type storageFlags struct {
	azurite    azuriteFlag
	connection string
}

func (s *storageFlags) register(set *flag.FlagSet) {
	set.Var(&s.azurite, "azurite", "`[=PROGRAM]`: keep blobs in Azurite instead of a folder, started here; PROGRAM is what tools/azurite/install.sh prints "+
		"(default: SKUCAST_AZURITE, that script's folder, or azurite on the PATH)")
	set.StringVar(&s.connection, "storage", "", "`connection string` of a storage account to keep blobs in, Azurite's or a real one, or @FILE that holds it")
}

// azuriteFlag is --azurite or --azurite=PROGRAM.
type azuriteFlag string

const azuriteSomewhere azuriteFlag = "true" // as package flag says it

func (a *azuriteFlag) IsBoolFlag() bool { return true }
func (a *azuriteFlag) String() string   { return string(*a) }
func (a *azuriteFlag) Set(s string) error {
	if s == "" {
		return errors.New("no program after =")
	}
	*a = azuriteFlag(s)
	if s == "false" {
		*a = ""
	}
	return nil
}

// storage is what the flags ask for.
func (s *storageFlags) storage(p program) (stack.Storage, error) {
	switch {
	case s.azurite != "" && s.connection != "":
		return stack.Storage{}, misuse("--azurite and --storage exclude each other")
	case s.azurite == azuriteSomewhere:
		program, err := findAzurite(p.Getenv)
		return stack.Storage{Azurite: program}, err
	case s.azurite != "":
		program, err := filepath.Abs(string(s.azurite))
		if err == nil {
			_, err = os.Stat(program)
		}
		if err != nil {
			return stack.Storage{}, misuse("--azurite: %w", err)
		}
		return stack.Storage{Azurite: program}, nil
	case s.connection == "":
		return stack.Storage{}, nil
	}
	connection := s.connection
	if file, ok := strings.CutPrefix(connection, "@"); ok {
		b, err := os.ReadFile(file)
		if err != nil {
			return stack.Storage{}, misuse("--storage: %w", err)
		}
		connection = strings.TrimSpace(string(b))
	}
	if _, err := blobevents.ParseAccount(connection); err != nil {
		return stack.Storage{}, misuse("--storage: %w", err)
	}
	return stack.Storage{Connection: config.Secret(connection)}, nil
}

// findAzurite looks where tools/azurite/install.sh puts it: below the folder of this
// program, or the one above, or here.
func findAzurite(getenv func(string) string) (string, error) {
	if program := getenv("SKUCAST_AZURITE"); program != "" {
		return program, nil
	}
	roots := []string{"."}
	if self, err := os.Executable(); err == nil {
		roots = append(roots, filepath.Dir(self), filepath.Dir(filepath.Dir(self)))
	}
	for _, root := range roots {
		program, err := filepath.Abs(filepath.Join(root, ".cache", "azurite", "node_modules", "azurite", "dist", "src", "azurite.js"))
		if err != nil {
			return "", fmt.Errorf("--azurite: %w", err)
		}
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
	}
	if program, err := exec.LookPath("azurite"); err == nil {
		return program, nil
	}
	return "", misuse("--azurite: there is no Azurite here; tools/azurite/install.sh installs it, --azurite=PROGRAM names another")
}

// openAccount opens the storage account to look into: the one that the environment names,
// the one of the `skucast up` that runs on the folder, or the folder.
func (p program) openAccount(data string) (blobstore.Store, error) {
	getenv := p.Getenv
	if !p.inCloud() {
		if info, err := os.Stat(data); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("there is no local storage folder %s; skucast up makes one, --data names another", data)
		}
		settings, err := runningSettings(data)
		if err != nil {
			return nil, err
		}
		if settings["SKUCAST_STORAGE_CONNECTION_STRING"] == "" {
			return openFolder(data)
		}
		getenv = func(name string) string { return settings[name] }
	}
	cfg, err := config.LoadStorage(getenv)
	if err != nil {
		return nil, fmt.Errorf("settings of the storage account:\n%w", err)
	}
	return worker.OpenStore(cfg)
}

// runningSettings are those of the `skucast up` that runs on a folder, none if none does.
func runningSettings(data string) (map[string]string, error) {
	if _, err := os.Stat(filepath.Join(data, upSettings)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if release, err := lockFile(filepath.Join(data, upLock)); err == nil {
		release()
		return nil, nil // of one that was killed
	}
	return readSettings(data)
}

// openFolder opens a local storage account, unless its blobs are in an Azurite that is not
// running.
func openFolder(data string) (blobstore.Store, error) {
	_, azurite := os.Stat(filepath.Join(data, stack.AzuriteDir))
	_, folder := os.Stat(filepath.Join(data, blobstore.Forecasts))
	if azurite == nil && folder != nil {
		return nil, fmt.Errorf("the runs of %s are in Azurite, which is not running; skucast up --azurite --data %s starts it", data, data)
	}
	return dirblob.Open(data)
}
