package e2e

import (
	"os"
	"strings"
	"testing"
)

// The Spark job of the cloud, in place of the built-in engine, gives the same forecasts to
// the last digit. It needs the job's program (SKUCAST_SPARK_JOB; make peers installs it).
func TestSparkGivesTheSameDigest(t *testing.T) {
	t.Parallel()
	job := os.Getenv("SKUCAST_SPARK_JOB")
	if job == "" {
		t.Skip("no Spark job here: make peers sets SKUCAST_SPARK_JOB to its program")
	}
	file := salesFile(t, 31)
	want, _ := forecast(t, file)
	got, out := forecast(t, file, "--spark", job)
	if got.Digest != want.Digest {
		t.Errorf("digest %s with Spark, %s without", got.Digest, want.Digest)
	}
	if m := read(t, out, "_manifest.json"); !strings.Contains(m, `"engine":"spark"`) {
		t.Errorf("the manifest is not Spark's: %.300s", m)
	}
	bad := t.TempDir() + "/bad.csv"
	if err := os.WriteFile(bad, []byte("colour,size\nred,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, here, _ := skucast(t, "run", bad, "--out", t.TempDir())
	_, there, code := skucast(t, "run", bad, "--out", t.TempDir(), "--spark", job)
	if code != 1 || !strings.Contains(there, "no column for date, sku, units among") || !strings.Contains(here, "no column for date, sku, units among") {
		t.Errorf("a refused file: exit %d\n%s\nwithout Spark:\n%s", code, there, here)
	}
}
