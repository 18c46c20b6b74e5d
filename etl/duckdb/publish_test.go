package duckdb

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

const small = "date,store,sku,units\n2026-01-01,1,A,1\n2026-01-02,1,A,2\n2026-01-02,2,B,3\nx,1,A,1\n"

// TestSecondAttempt: the first manifest wins, and later attempts change nothing.
func TestSecondAttempt(t *testing.T) {
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(small), run.Options{})
	first, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	job.JobRunID = "102"
	second, err := Run(t.Context(), job)
	if err != nil || !bytes.Equal(run.Canonical(first), run.Canonical(second)) {
		t.Errorf("second attempt: %v, %+v", err, second)
	}
	verify(t, first, job)
}

// TestLeftovers: what an attempt left that died before its manifest is written over.
func TestLeftovers(t *testing.T) {
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(small), run.Options{})
	for _, name := range []string{IndexFile, CalendarFile, RejectsFile, QualityFile, "sales/bucket=00/99.parquet"} {
		if _, err := job.Store.Put(t.Context(), run.ETLDir(job.ETLID)+name, strings.NewReader("left"), blobstore.Once); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, m, job)
	if len(m.Files) != 5 {
		t.Errorf("strays count: %+v", m.Files)
	}
}

// TestOvertaken: another attempt writes between this one's files and its manifest.
func TestOvertaken(t *testing.T) {
	t.Run("and wins", func(t *testing.T) {
		job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(small), run.Options{})
		other := job
		other.JobRunID = "another"
		var won run.Manifest
		etags := map[string]string{}
		job.Store = &meddler{Store: job.Store, onPutManifest: func() {
			var err error
			if won, err = Run(t.Context(), other); err != nil {
				t.Error(err)
			}
			for info := range other.Store.List(t.Context(), run.ETLDir(job.ETLID)) {
				etags[info.Name] = info.ETag
			}
		}}
		m, err := Run(t.Context(), job)
		if err != nil || !bytes.Equal(run.Canonical(m), run.Canonical(won)) {
			t.Fatalf("%v: %+v, want the other's %+v", err, m, won)
		}
		verify(t, m, job)
		for info, err := range job.Store.List(t.Context(), run.ETLDir(job.ETLID)) {
			if err != nil || etags[info.Name] != "" && etags[info.Name] != info.ETag {
				t.Errorf("%s was written again (%v), under the hands of workers", info.Name, err)
			}
		}
	})
	t.Run("and dies", func(t *testing.T) {
		job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(small), run.Options{})
		store := job.Store
		job.Store = &meddler{Store: store, onPutManifest: func() {
			if _, err := store.Put(t.Context(), run.ETLDir(job.ETLID)+IndexFile, strings.NewReader("another index"), blobstore.Condition{}); err != nil {
				t.Error(err)
			}
		}}
		m, err := Run(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, m, job)
	})
}

// TestConcurrentAttempts: attempts at one ETL agree on one manifest, and its files fit.
func TestConcurrentAttempts(t *testing.T) {
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(small), run.Options{})
	manifests := make([]run.Manifest, 4)
	var wg sync.WaitGroup
	for i := range manifests {
		wg.Go(func() {
			j := job
			j.JobRunID, j.Threads = string(rune('a'+i)), 1
			var err error
			if manifests[i], err = Run(t.Context(), j); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, m := range manifests {
		if !bytes.Equal(run.Canonical(m), run.Canonical(manifests[0])) {
			t.Errorf("attempts disagree: %+v and %+v", m.Files, manifests[0].Files)
		}
	}
	verify(t, manifests[0], job)
}

// TestWorkerReads: the reader that workers use reads what was written.
func TestWorkerReads(t *testing.T) {
	m, job := runCSV(t, small, run.Options{})
	if m.Source.SHA256 == "" || m.Source.Bytes != int64(len(small)) || m.Source.ETag != job.Drop.ETag || m.Engine != Engine {
		t.Errorf("manifest source %+v, engine %q", m.Source, m.Engine)
	}
	stored := run.Manifest{}
	if _, err := run.Read(t.Context(), job.Store, run.ManifestPlace(job.ETLID), &stored); err != nil || !bytes.Equal(run.Canonical(stored), run.Canonical(m)) {
		t.Errorf("stored manifest %+v (%v), returned %+v", stored, err, m)
	}
	var got []string
	for r, err := range sales.Index(t.Context(), job.Store, &m) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Key.String())
	}
	if want := "SKU A in store 1,SKU B in store 2"; strings.Join(got, ",") != want {
		t.Errorf("index %v, want %s", got, want)
	}
	c, err := sales.LoadCalendar(t.Context(), job.Store, &m)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []retail.Store{"1", "2"} {
		if c.Store(s) == nil {
			t.Errorf("calendar lacks store %s", s)
		}
	}
}

// TestRegressors: further columns keep their names, whatever they are.
func TestRegressors(t *testing.T) {
	names := []string{`Temp "C" $x`, "school_holiday"}
	text := "date,sku,units,\"Temp \"\"C\"\" $x\",school_holiday\n2026-01-01,A,1,3.5,0\n2026-01-01,A,1,-4.25,1\n2026-01-02,A,1,warm,\n"
	m, job := runCSV(t, text, run.Options{Regressors: names})
	b := readBlob(t, job, m.Files[0].Path)
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	columns := f.Schema().Columns()
	if n := len(columns); n != 12 || columns[10][0] != names[0] || columns[11][0] != names[1] {
		t.Fatalf("columns %q", columns)
	}
	type row struct {
		Temp    *float64 `parquet:"Temp \"C\" $x,optional"`
		Holiday *float64 `parquet:"school_holiday,optional"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if *rows[0].Temp != 3.5 || *rows[0].Holiday != 1 || rows[1].Temp != nil || rows[1].Holiday != nil {
		t.Errorf("rows %v %v, %v %v", show(rows[0].Temp), show(rows[0].Holiday), show(rows[1].Temp), show(rows[1].Holiday))
	}
	q := readQuality(t, job)
	if q.Rules["regressor_unreadable"] != 1 {
		t.Errorf("rules %v", q.Rules)
	}
	other, _ := runCSV(t, strings.Replace(text, "-4.25,1", "-4.25,0", 1), run.Options{Regressors: names})
	if index := m.Files[1]; index.Path != IndexFile || other.Files[1].SHA256 == index.SHA256 {
		t.Error("a regressor's value does not change the index's hash")
	}
}
