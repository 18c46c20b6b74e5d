package products

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

func TestWriteUnitOnce(t *testing.T) {
	u := sampleUnit(random(10), "a", 3, 4)
	m := store(t, u)
	if want := []string{"forecasts/runs/" + runID + "/forecasts/", "forecasts/runs/" + runID + "/series/00000000.parquet"}; len(m.puts) != 2 ||
		!strings.HasPrefix(m.puts[0], want[0]) || m.puts[1] != want[1] {
		t.Fatalf("puts %v: want the forecasts, then the summary", m.puts)
	}
	place := run.SeriesPlace(runID, "00000000")
	first := bytes.Clone(m.blobs[place])

	other := sampleUnit(random(11), "a", 3, 4) // as from a newer version of the code
	if err := WriteUnit(t.Context(), m, runID, "00000000", other, "v2"); err != nil {
		t.Fatalf("a unit that is done already: %v, want success", err)
	}
	if !bytes.Equal(first, m.blobs[place]) {
		t.Error("the second delivery replaced the summary")
	}
	s, err := Summarise(t.Context(), m, runID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Digest.String() != plainDigest(u) || len(s.Files) != 2 {
		t.Errorf("digest %s with files %v: want the first delivery's digest and its two files, not the stray", s.Digest, s.Files)
	}
}

func TestCorruptFiles(t *testing.T) {
	u, err := EncodeUnit("00000000", sampleUnit(random(12), "a", 5, 28), "v")
	if err != nil {
		t.Fatal(err)
	}
	summary, part := run.SeriesPlace(runID, u.Name), run.Dir(runID)+u.Forecasts.Path
	damage := map[string]func([]byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"one byte":      func(b []byte) []byte { return b[:1] },
		"cut in half":   func(b []byte) []byte { return b[:len(b)/2] },
		"last byte cut": func(b []byte) []byte { return b[:len(b)-1] },
		"zero tail":     func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"zero head":     func(b []byte) []byte { clear(b[:len(b)/2]); return b },
		"zero middle":   func(b []byte) []byte { clear(b[len(b)/4 : len(b)/3]); return b },
		"all zero":      func(b []byte) []byte { clear(b); return b },
		"text":          func([]byte) []byte { return []byte(strings.Repeat("PAR1", 99)) },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.blobs[summary], m.blobs[part] = u.SummaryBytes, harm(bytes.Clone(u.ForecastBytes))
			if _, err := ReadForecast(t.Context(), m, part); !errors.Is(err, ErrCorrupt) {
				t.Errorf("forecasts: %v, want ErrCorrupt", err)
			}
			if bad, err := Corrupt(t.Context(), m, runID, 1); err != nil || !slices.Equal(bad, []string{u.Name}) {
				t.Errorf("damaged forecasts: corrupt units %v, %v", bad, err)
			}
			m.blobs[summary], m.blobs[part] = harm(bytes.Clone(u.SummaryBytes)), u.ForecastBytes
			if _, err := ReadSummary(t.Context(), m, summary); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), summary) {
				t.Errorf("summary: %v, want ErrCorrupt naming the file", err)
			}
			if _, err := Summarise(t.Context(), m, runID, 1); !errors.Is(err, ErrCorrupt) {
				t.Errorf("summarise: %v, want ErrCorrupt", err)
			}
			if bad, err := Corrupt(t.Context(), m, runID, 1); err != nil || !slices.Equal(bad, []string{u.Name}) {
				t.Errorf("damaged summary: corrupt units %v, %v", bad, err)
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	m := store(t, sampleUnit(random(13), "a", 2, 3), sampleUnit(random(13), "b", 2, 3))
	s, err := Summarise(t.Context(), m, runID, 2)
	if err != nil {
		t.Fatal(err)
	}
	if bad, err := Corrupt(t.Context(), m, runID, 3); err != nil || len(bad) != 0 {
		t.Errorf("a sound run with a unit to come has corrupt units %v, %v", bad, err)
	}
	part := run.Dir(runID) + s.Files[1].Path
	b := m.blobs[part]
	delete(m.blobs, part)
	if _, err := Summarise(t.Context(), m, runID, 2); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "00000001") {
		t.Errorf("without a part: %v, want ErrCorrupt naming unit 1", err)
	}
	m.blobs[part] = b[:9]
	if _, err := Summarise(t.Context(), m, runID, 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a cut part: %v, want ErrCorrupt", err)
	}
	delete(m.blobs, run.SeriesPlace(runID, "00000000"))
	if _, err := Summarise(t.Context(), m, runID, 2); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("without a summary: %v, want ErrNotFound", err)
	}
}

func TestUnknownVersion(t *testing.T) {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[SeriesRow](&out, parquet.KeyValueMetadata(metaVersion, "2"), parquet.KeyValueMetadata(metaSeal, sealPrefix+sealBlank))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := seal(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	m.blobs["x"] = out.Bytes()
	_, err := ReadSummary(t.Context(), m, "x")
	if event.ReasonOf(err) != "unknown_version" || errors.Is(err, ErrCorrupt) {
		t.Errorf("a file of version 2: %v, want unknown_version: deleting it would lose work", err)
	}
}

func TestOtherColumns(t *testing.T) {
	data, err := encode([]struct {
		Store string `parquet:"store"`
	}{{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := decode[SeriesRow](data); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file with other columns: %v, want ErrCorrupt", err)
	}
}

func TestSealWithMisleadingSKU(t *testing.T) {
	u := sampleUnit(random(15), "a", 2, 2)
	for i := range u {
		u[i].Key.SKU = sealPrefix + sealBlank
		u[i].Result.Parameters = map[string]float64{sealPrefix + sealBlank: 1}
	}
	if _, err := Summarise(t.Context(), store(t, u), runID, 1); err != nil {
		t.Error(err)
	}
}

// Whatever happens to a summary's bytes is seen, before anything is made of them.
func FuzzReadSummary(f *testing.F) {
	u, err := EncodeUnit("00000000", sampleUnit(random(14), "a", 2, 2), "v")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(u.SummaryBytes)
	f.Add(u.SummaryBytes[:len(u.SummaryBytes)-1])
	f.Add(append([]byte("x"), u.SummaryBytes...))
	f.Add(u.ForecastBytes)
	f.Add([]byte(sealPrefix))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Equal(data, u.SummaryBytes) {
			return
		}
		if _, err := decodeSummary(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v, want ErrCorrupt", err)
		}
	})
}

func TestEveryFlippedByteIsSeen(t *testing.T) {
	u, err := EncodeUnit("00000000", sampleUnit(random(16), "a", 1, 2), "v")
	if err != nil {
		t.Fatal(err)
	}
	for i := range u.SummaryBytes {
		u.SummaryBytes[i] ^= 0x10
		if _, err := decodeSummary(u.SummaryBytes); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v, want ErrCorrupt", i, err)
		}
		u.SummaryBytes[i] ^= 0x10
	}
	if _, err := decodeSummary(u.SummaryBytes); err != nil {
		t.Errorf("untouched: %v", err)
	}
}
