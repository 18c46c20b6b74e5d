package e2e

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/internal/emulator/azurite"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/azblob"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/run"
)

// storage is where the pipeline of a test keeps its blobs; the zero value is a folder.
type storage struct {
	flags   []string // of run, up and replay
	account string   // connection string past the proxy; empty with a folder
}

// azuriteProgram is what make peers has installed.
func azuriteProgram(t *testing.T) string {
	t.Helper()
	program := os.Getenv("SKUCAST_AZURITE")
	if program == "" {
		t.Skip("SKUCAST_AZURITE (the path that tools/azurite/install.sh prints) is not set: not tested on Azure's storage")
	}
	return program
}

// eachStorage runs a test on a folder, and on an Azurite that outlives every pipeline on
// it, as an account in the cloud does.
func eachStorage(t *testing.T, test func(t *testing.T, s storage)) {
	t.Helper()
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, storage{})
	})
	t.Run("azurite", func(t *testing.T) {
		t.Parallel()
		test(t, onAzurite(t))
	})
}

func onAzurite(t *testing.T) storage {
	t.Helper()
	server, err := azurite.Start(t.Context(), azurite.Config{Program: azuriteProgram(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "connection") // a key does not belong on a command line
	if err := os.WriteFile(file, []byte(server.ConnectionString()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return storage{flags: []string{"--storage", "@" + file}, account: server.ConnectionString()}
}

// open opens the blobs of a test, past every event.
func (s storage) open(t *testing.T, data string) blobstore.Store {
	t.Helper()
	var store blobstore.Store
	var err error
	if s.account != "" {
		store, err = azblob.DialConnectionString(s.account)
	} else {
		store, err = dirblob.Open(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// put writes one blob.
func put(t *testing.T, s blobstore.Store, name, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), name, strings.NewReader(text), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// get reads one blob.
func get(t *testing.T, s blobstore.Store, name string) string {
	t.Helper()
	r, _, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// settings are what `skucast up` wrote down for others; its storage is reached through the
// proxy that raises the events.
func (u *up) settings() map[string]string {
	u.t.Helper()
	var settings map[string]string
	if err := json.Unmarshal([]byte(read(u.t, u.data, ".stack.json")), &settings); err != nil {
		u.t.Fatal(err)
	}
	return settings
}

// account is the storage account of the running stack as every client sees it, nil if it
// is a folder.
func (u *up) account() blobstore.Store {
	u.t.Helper()
	connection := u.settings()["SKUCAST_STORAGE_CONNECTION_STRING"]
	if connection == "" {
		return nil
	}
	store, err := azblob.DialConnectionString(connection)
	if err != nil {
		u.t.Fatal(err)
	}
	return store
}

// The same file gives the same products on Azurite that the program starts itself: also
// with the staged function app, and with nothing left running.
func TestAzuriteGivesTheSameProducts(t *testing.T) {
	t.Parallel()
	program := azuriteProgram(t)
	file := salesFile(t, 41)
	want, wantOut := forecast(t, file)
	data := t.TempDir()
	got, out := forecast(t, file, "--azurite="+program, "--data", data)
	if got.Digest != want.Digest || got.Series != want.Series {
		t.Errorf("digest %s, series %+v; want %s, %+v", got.Digest, got.Series, want.Digest, want.Series)
	}
	for _, name := range []string{"series_index.parquet", "calendar.parquet", "quality.json", "rejects.csv"} {
		if read(t, out, name) != read(t, wantOut, name) {
			t.Errorf("%s differs", name)
		}
	}
	products := func(dir string) (names []string) {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got, want := products(out), products(wantOut); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("products\n%v, want\n%v", got, want)
	}
	// The account is there in the next life, and whoever looks for it before is told.
	stdout, stderr, code := skucast(t, "status", "--data", data)
	if code != 1 || !strings.Contains(stderr, "skucast up --azurite") {
		t.Errorf("status without Azurite: exit %d, %s%s", code, stdout, stderr)
	}
	u := start(t, data, "--azurite="+program)
	if stdout, _, code := skucast(t, "status", "--data", data); code != 0 || strings.Count(stdout, "complete") != 1 {
		t.Errorf("status with Azurite, exit %d:\n%s", code, stdout)
	}
	u.kill()
}

// A file is dropped by `skucast upload`, and one that is written past the proxy, of which
// nobody is told, is found by reconcile.
func TestUpload(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		file := salesFile(t, 42)
		want, _ := forecast(t, file)
		u := start(t, t.TempDir(), s.flags...)
		upload := func(args ...string) string {
			t.Helper()
			stdout, stderr, code := skucast(t, append([]string{"upload", file, "--data", u.data}, args...)...)
			if code != 0 {
				t.Fatalf("upload %q: exit %d\n%s", args, code, stderr)
			}
			return stdout
		}
		if out := upload(); !strings.Contains(out, "raw-data/incoming/sales.csv") {
			t.Errorf("upload says %s", out)
		}
		upload("--as", "short/sales.csv", "--horizon", "5")
		put(t, s.open(t, u.data), blobstore.RawData+"/"+run.Incoming+"quiet/sales.csv", read(t, file))
		horizons := map[string]int{"default": 28, "short": 5, "quiet": 28}
		for _, r := range u.await("ended", ended(3)) {
			if r.Complete == nil || r.Complete.Horizon != horizons[r.Feed] || r.Feed == "default" && r.Complete.Digest != want.Digest {
				t.Errorf("feed %s: %+v", r.Feed, r)
			}
		}
		for _, bad := range []string{"_feed.json", "north/sales.csv.options.json", ".x"} {
			if _, stderr, code := skucast(t, "upload", file, "--data", u.data, "--as", bad); code != 2 || !strings.Contains(stderr, "not the name of a drop") {
				t.Errorf("--as %s: exit %d, %s", bad, code, stderr)
			}
		}
	})
}

// An event starts a run at once: the proxy tells of a drop long before reconcile would
// look.
func TestEventsOfTheProxyStartRuns(t *testing.T) {
	t.Parallel()
	s := onAzurite(t)
	u := start(t, t.TempDir(), append([]string{"--reconcile-every", "1h"}, s.flags...)...)
	put(t, u.account(), blobstore.RawData+"/"+run.Incoming+"small.csv", read(t, salesFile(t, 43)))
	put(t, u.account(), blobstore.RawData+"/"+run.Incoming+"large.csv", read(t, salesFile(t, 44))+strings.Repeat("\n", 3<<20)) // in blocks
	for _, r := range u.await("complete", ended(2)) {
		if r.Complete == nil {
			t.Errorf("%+v", r)
		}
	}
}

// Spark reads and writes the account too.
func TestSparkOnAzurite(t *testing.T) {
	t.Parallel()
	job := os.Getenv("SKUCAST_SPARK_JOB")
	if job == "" {
		t.Skip("no Spark job here: make peers sets SKUCAST_SPARK_JOB to its program")
	}
	s := onAzurite(t)
	file := salesFile(t, 45)
	want, _ := forecast(t, file)
	got, out := forecast(t, file, append([]string{"--spark", job}, s.flags...)...)
	if got.Digest != want.Digest {
		t.Errorf("digest %s with Spark on Azurite, %s without", got.Digest, want.Digest)
	}
	if m := read(t, out, "_manifest.json"); !strings.Contains(m, `"engine":"spark"`) {
		t.Errorf("the manifest is not Spark's: %.300s", m)
	}
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("colour,size\nred,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := skucast(t, append([]string{"run", bad, "--out", t.TempDir(), "--spark", job}, s.flags...)...); code != 1 ||
		!strings.Contains(stderr, "no column for date, sku, units among") {
		t.Errorf("a refused file: exit %d\n%s", code, stderr)
	}
}

// Azurite dies with the program, however that dies.
func TestAzuriteDiesWithItsPipeline(t *testing.T) {
	t.Parallel()
	u := start(t, t.TempDir(), "--azurite="+azuriteProgram(t))
	store := u.account()
	if _, err := store.Head(t.Context(), "raw-data/x"); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Fatalf("Azurite answers %v", err)
	}
	u.kill()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("no /proc: nobody to ask for processes")
	}
	deadline := time.Now().Add(patience)
	for left := true; left; {
		left = false
		for _, e := range entries {
			cmdline, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
			left = left || err == nil && strings.Contains(string(cmdline), u.data)
		}
		if left && time.Now().After(deadline) {
			t.Fatal("a process on the folder outlives its pipeline")
		}
		time.Sleep(10 * time.Millisecond) // between two looks at other processes
		entries, _ = os.ReadDir("/proc")
	}
}

func TestMisuseOfStorageFlags(t *testing.T) {
	t.Parallel()
	file := salesFile(t, 46)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"both":             {[]string{"--azurite=/bin/true", "--storage", "UseDevelopmentStorage=true"}, "exclude each other"},
		"no such program":  {[]string{"--azurite=/no/such/program"}, "no such file"},
		"no such file":     {[]string{"--storage", "@/no/such/file"}, "no such file"},
		"not a connection": {[]string{"--storage", "AccountName=x;AccountKey=hunter2;BlobEndpoint=ftp://h"}, "connection string is not of the form"},
		"nothing":          {[]string{"--azurite="}, "no program"},
	} {
		_, stderr, code := skucast(t, append([]string{"run", file, "--out", t.TempDir()}, c.args...)...)
		if code != 2 || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
	_, stderr, code := skucast(t, "run", file, "--out", t.TempDir(), "--azurite=/bin/false")
	if code != 1 || !strings.Contains(stderr, "azurite ended before it listened") {
		t.Errorf("a program that ends: exit %d, %s", code, stderr)
	}
	if _, stderr, code := skucast(t, "upload", file, "--data", filepath.Join(t.TempDir(), "none")); code != 1 || !strings.Contains(stderr, "no local storage folder") {
		t.Errorf("upload to nobody: exit %d, %s", code, stderr)
	}
}

// status asks for the runs of an account that no pipeline works on. It is named in the
// environment, as one in the cloud is.
func (s storage) status(t *testing.T, data string) (stdout, stderr string, code int) {
	t.Helper()
	if s.account == "" {
		return skucast(t, "status", "--data", data)
	}
	return skucastIn(t, []string{"SKUCAST_STORAGE_CONNECTION_STRING=" + s.account}, "status")
}
