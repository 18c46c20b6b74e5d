package duckdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// refused runs a job that must be refused, and checks what the refusal leaves behind.
func refused(t *testing.T, job Job, reason string, says ...string) {
	t.Helper()
	m, err := Run(t.Context(), job)
	if err == nil {
		t.Fatalf("accepted: %+v", m)
	}
	if got := event.ReasonOf(err); got != reason {
		t.Fatalf("reason %q (%v), want %q", got, err, reason)
	}
	if etl.WayOut(reason) == "" && reason != run.ReasonInvalidOptions {
		t.Errorf("reason %q has no way out", reason)
	}
	for _, s := range append(says, "sales.csv") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("message %q does not say %q", err, s)
		}
	}
	if _, err := job.Store.Head(t.Context(), run.ManifestPlace(job.ETLID)); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("a refused file has a manifest (%v)", err)
	}
	if left, _ := os.ReadDir(job.TempDir); len(left) > 0 {
		t.Errorf("temporary files stay behind: %v", left)
	}
}

func TestRefuses(t *testing.T) {
	good := "date,sku,units\n2026-01-01,A,1\n"
	halves := func(a, b int) string {
		var s strings.Builder
		s.WriteString("date,sku,units\n")
		for i := range a {
			fmt.Fprintf(&s, "2020-01-01,%d,1\n", i)
		}
		for i := range b {
			fmt.Fprintf(&s, "2026-01-01,%d,1\n", i)
		}
		return s.String()
	}
	for _, tt := range []struct {
		name, in string
		o        run.Options
		reason   string
		says     []string
	}{
		{"empty", "", run.Options{}, etl.ReasonEmptyFile, nil},
		{"header only", "date,sku,units\n", run.Options{}, etl.ReasonNoRows, nil},
		{"header and separators", "date,sku,units\n,,\n , ,\n", run.Options{}, etl.ReasonNoRows, nil},
		{"no date", "when,sku,units\n1,A,1\n", run.Options{}, etl.ReasonMissingColumn, []string{"line 1", "--map date=when"}},
		{"no sku", "date,was,units\n1,A,1\n", run.Options{}, etl.ReasonMissingColumn, []string{"--map sku=was"}},
		{"no quantity", "date,sku,bottles\n1,A,1\n", run.Options{}, etl.ReasonMissingColumn, []string{"--map units=bottles"}},
		{"binary", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", run.Options{}, etl.ReasonNotText, nil},
		{"utf-16", "\xff\xfed\x00a\x00", run.Options{}, etl.ReasonWrongEncoding, []string{"UTF-8"}},
		{"zip named .csv", "PK\x03\x04\x14\x00", run.Options{}, etl.ReasonZipArchive, nil},
		{"gzip cut off", gz(t, strings.Repeat(good, 5000))[:200], run.Options{}, etl.ReasonBadGzip, nil},
		{"ambiguous dates", "date,sku,units\n01/02/2026,A,1\n03/04/2025,A,1\n", run.Options{}, etl.ReasonAmbiguousDates, []string{"line 2 (01/02/2026)", "date_order"}},
		{"mixed dates", "date,sku,units\n01/02/2026,A,1\n13/02/2026,A,1\n02/13/2026,A,1\n", run.Options{}, etl.ReasonAmbiguousDates, []string{"line 3 (13/02/2026)", "line 4 (02/13/2026)"}},
		{
			"every row bad", "date,sku,units\nsoon,A,1\nlater,A,1\n2026-01-01,,1\n",
			run.Options{},
			etl.ReasonEveryRowRejected,
			[]string{"date_unreadable 2 times, first in line 2", "sku_missing 1 times, first in line 4", `date="date"`},
		},
		{"wrong column mapped", "date,sku,units,name\n2026-01-01,A,1,x\n", run.Options{Map: map[string]string{"units": "name"}}, etl.ReasonEveryRowRejected, []string{`units="name"`}},
		{"no quantity in any row", "date,sku,units\n2026-01-01,A,\n", run.Options{}, etl.ReasonNoQuantity, nil},
		{"all in the future", "date,sku,units\n2027-01-01,A,1\n", run.Options{}, etl.ReasonEveryRowRejected, []string{"line 2 (2027-01-01)"}},
		{"two halves", halves(20, 30), run.Options{}, etl.ReasonIsolatedDates, []string{"20 of 50 rows"}},
		{"no whole week", "date,sku,units\n2026-01-07,A,1\n2026-01-08,A,1\n2026-01-14,A,1\n2026-01-09,A,1\n2026-01-10,A,1\n2026-01-11,A,1\n2026-01-12,A,1\n2026-01-13,A,1\n", run.Options{Freq: "W"}, etl.ReasonTooShort, nil},
		{"regressor called price", "date,sku,units,price\n2026-01-01,A,1,1\n", run.Options{Regressors: []string{"price"}}, run.ReasonInvalidOptions, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(tt.in), tt.o), tt.reason, tt.says...)
		})
	}
}

// TestRefusesDirectoryName: a blob whose name is that of a folder, as ADLS shows them.
func TestRefusesDirectoryName(t *testing.T) {
	for _, name := range []string{"incoming/sales.csv/", "incoming/../sales.csv", "incoming//sales.csv"} {
		job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader("x"), run.Options{})
		job.Drop.Blob = name
		refused(t, job, etl.ReasonNotAFile)
	}
}

type endless struct{ left int64 }

func (r *endless) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	r.left -= n
	return int(n), nil
}

// TestRefusesLongLine: 300 MB without a line feed, in little memory.
func TestRefusesLongLine(t *testing.T) {
	job := drop(t, openStore(t, arrived), "sales.csv", io.MultiReader(strings.NewReader("date,sku,units\n"), &endless{300 << 20}), run.Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	refused(t, job, etl.ReasonLineTooLong, "line 2")
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// meddler changes the source at a chosen moment.
type meddler struct {
	blobstore.Store
	onOpen, onEOF, onPutManifest func()
}

func (m *meddler) Open(ctx context.Context, name string) (io.ReadCloser, blobstore.Info, error) {
	if m.onOpen != nil {
		m.onOpen()
	}
	r, info, err := m.Store.Open(ctx, name)
	if err != nil || m.onEOF == nil {
		return r, info, err
	}
	b, err := io.ReadAll(r) // a driver that has buffered everything
	_ = r.Close()
	m.onEOF()
	return io.NopCloser(bytes.NewReader(b)), info, err
}

func (m *meddler) Put(ctx context.Context, name string, body io.Reader, c blobstore.Condition) (blobstore.Info, error) {
	if hook := m.onPutManifest; hook != nil && strings.HasSuffix(name, run.ManifestName) {
		m.onPutManifest = nil
		hook()
	}
	return m.Store.Put(ctx, name, body, c)
}

// TestSource: a source that is replaced or deleted, before or during the read.
func TestSource(t *testing.T) {
	const good = "date,sku,units\n2026-01-01,A,1\n"
	replace := func(text string) func(Job) {
		return func(j Job) {
			if _, err := j.Store.Put(t.Context(), j.Drop.Drop().Place(), strings.NewReader(text), blobstore.Condition{}); err != nil {
				t.Error(err)
			}
		}
	}
	remove := func(j Job) {
		if err := j.Store.Delete(t.Context(), j.Drop.Drop().Place()); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		name   string
		meddle func(Job)
		reason string
	}{
		{"replaced", replace("date,sku,units\n2026-01-01,A,2222\n"), etl.ReasonSourceChanged},
		{"replaced by the same length", replace(strings.Replace(good, "A,1", "B,2", 1)), etl.ReasonSourceChanged},
		{"replaced by something unusable", replace("PK\x03\x04"), etl.ReasonSourceChanged},
		{"deleted", remove, etl.ReasonSourceGone},
	} {
		for _, when := range []string{"before", "during"} {
			t.Run(tt.name+" "+when, func(t *testing.T) {
				job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(good), run.Options{})
				plain := job
				m := &meddler{Store: job.Store}
				hook := sync.OnceFunc(func() { tt.meddle(plain) })
				if when == "before" {
					m.onOpen = hook
				} else {
					m.onEOF = hook
				}
				job.Store = m
				refused(t, job, tt.reason)
			})
		}
	}
	t.Run("damaged because it is being replaced", func(t *testing.T) {
		job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(gz(t, strings.Repeat(good, 999))[:50]), run.Options{})
		plain := job
		job.Store = &meddler{Store: job.Store, onEOF: sync.OnceFunc(func() { replace(good)(plain) })}
		refused(t, job, etl.ReasonSourceChanged)
	})
	t.Run("touched", func(t *testing.T) {
		job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(good), run.Options{})
		job.Drop.LastModified = job.Drop.LastModified.Add(-time.Hour)
		refused(t, job, etl.ReasonSourceChanged)
	})
}

// TestCancelled: a cancelled job is no permanent failure and leaves nothing.
func TestCancelled(t *testing.T) {
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader("date,sku,units\n2026-01-01,A,1\n"), run.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	job.Progress = func(stage string, _ float64) {
		if stage == "parse" {
			cancel()
		}
	}
	_, err := Run(ctx, job)
	if err == nil || event.IsPermanent(err) {
		t.Errorf("%v, want a transient error", err)
	}
	if left, _ := os.ReadDir(job.TempDir); len(left) > 0 {
		t.Errorf("temporary files stay behind: %v", left)
	}
}
