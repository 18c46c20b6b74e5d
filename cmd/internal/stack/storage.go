package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/skucast/skucast/internal/emulator/azurite"
	"github.com/skucast/skucast/internal/emulator/blobevents"
	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
)

// Storage says where blobs are; the zero value is the folder Dir of the Config. With
// either of the others every part of the stack, workers and ETL included, reaches them by
// the azblob driver, through a proxy that raises the events.
type Storage struct {
	Azurite    string        // program of an Azurite to start, which keeps its files in AzuriteDir of Dir
	Connection config.Secret // of an account that runs already: an Azurite or a real one
}

// AzuriteDir is the folder of Config.Dir with the files of an Azurite that the stack starts.
const AzuriteDir = ".azurite"

// Elsewhere reports whether blobs are not in the folder.
func (s Storage) Elsewhere() bool { return s.Azurite != "" || s.Connection != "" }

// blobs are the parts of the storage account.
type blobs struct {
	account    string                                // its name in events
	folder     *dirblob.Store                        // nil: somewhere else
	connection config.Secret                         // through the proxy; empty with a folder
	topic      atomic.Pointer[eventgrid.SystemTopic] // of the proxy's events; nil until there is one
}

// openStorage opens the storage account that the configuration asks for, with the
// deployment's containers in it.
func (s *Stack) openStorage() error {
	folder, err := dirblob.Open(s.cfg.Dir) // also the place for temporary files
	if err != nil {
		return err
	}
	if !s.cfg.Storage.Elsewhere() {
		s.Store, s.blobs.folder, s.blobs.account = folder, folder, azurite.Account
		return nil
	}
	connection := s.cfg.Storage.Connection.Reveal()
	if connection == "" {
		if connection, err = s.startAzurite(); err != nil {
			return err
		}
	}
	account, err := blobevents.ParseAccount(connection)
	if err != nil {
		return err
	}
	proxy, err := blobevents.Start(s.ctx, blobevents.Config{Backend: account, Raise: s.raise, Log: s.cfg.Logger})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, proxy.Close)
	containers := []string{blobstore.RawData, blobstore.ProcessedData, blobstore.Forecasts}
	if err := azblob.CreateContainers(s.ctx, proxy.ConnectionString(), containers...); err != nil {
		return fmt.Errorf("%s: %w", account, err)
	}
	s.blobs.account, s.blobs.connection = account.Name, config.Secret(proxy.ConnectionString())
	s.Store, err = azblob.DialConnectionString(proxy.ConnectionString())
	return err
}

func (s *Stack) startAzurite() (connection string, err error) {
	a, err := azurite.Start(s.ctx, azurite.Config{Program: s.cfg.Storage.Azurite, Dir: filepath.Join(s.cfg.Dir, AzuriteDir)})
	if err != nil {
		return "", err
	}
	s.closers = append(s.closers, a.Close)
	s.running.Go(func() {
		<-a.Done()
		if s.ctx.Err() == nil {
			s.cfg.Logger.Error("azurite has ended; end this pipeline and start it again")
		}
	})
	return a.ConnectionString(), nil
}

// raise publishes the event of a write through the proxy.
func (s *Stack) raise(ctx context.Context, e eventgrid.BlobEvent) error {
	topic := s.blobs.topic.Load()
	if topic == nil {
		return nil // written before the pipeline was up: reconcile's
	}
	_, err := topic.Raise(ctx, e)
	return err
}

// storageSetting is how the other processes of the stack find the blobs.
func (s *Stack) storageSetting() (name, value string) {
	if s.blobs.folder != nil {
		return "SKUCAST_STORAGE_DIR", filepath.Clean(s.cfg.Dir)
	}
	return "SKUCAST_STORAGE_CONNECTION_STRING", s.blobs.connection.Reveal()
}

// etlEnv is the environment of an ETL job. The storage account is in it and not on the
// command line, which everybody on the machine can read.
func (s *Stack) etlEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SKUCAST_STORAGE_") {
			env = append(env, kv)
		}
	}
	name, value := s.storageSetting()
	return append(env, name+"="+value)
}
