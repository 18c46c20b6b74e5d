package duckdb

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/run"
)

// asked is one thing that the Spark job asked of Spark.
type asked struct {
	What string `json:"what"`
	Plan string `json:"plan"`
	Rows int    `json:"rows"`
}

// mostAtOnce is how many rows may come to Spark's driver at once: one per date of the file,
// or one part of the rejects.
const mostAtOnce = 1000

// TestSparkPlans looks at the physical plan of everything the Spark job writes or brings to
// its driver: nothing of the size of the file goes through one partition or to the driver,
// and one task writes a file only out of sorted ranges.
func TestSparkPlans(t *testing.T) {
	python := os.Getenv("SKUCAST_SPARK_PYTHON")
	if python == "" {
		t.Skip("no Spark to look at: make peers sets SKUCAST_SPARK_PYTHON to a Python that has PySpark")
	}
	const lines = 20000
	o := run.Options{Regressors: []string{"temp"}, Duplicates: "drop"}
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(torture(5, ",", lines)), o)
	job.Buckets = 8
	m, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if m.Rows.Rejected < 2*mostAtOnce {
		t.Fatalf("%d rejected lines show nothing", m.Rows.Rejected)
	}
	dir := t.TempDir()
	copyDrop(t, job, dir)
	kinds := map[string]int{}
	for _, a := range sparkPlans(t, python, dir, job) {
		kinds[a.What]++
		if a.Rows > mostAtOnce {
			t.Errorf("%d rows come to the driver (%s):\n%s", a.Rows, a.What, a.Plan)
		}
		if at := narrow(a.Plan); at != "" {
			t.Errorf("everything goes through one partition (%s) at\n%s\nin\n%s", a.What, at, a.Plan)
		}
	}
	if kinds["write"] < 10 || kinds["collect"] < 4 || kinds["first"] < 5 || kinds["iterate"] != 1 {
		t.Errorf("not everything was seen: %v", kinds)
	}
	comparePair(t, job, nil, sparkOutcome{Dir: dir})
}

var (
	single    = regexp.MustCompile(`Exchange SinglePartition.*\n.*`)
	oneWriter = regexp.MustCompile(`Coalesce 1\n.*Sort .*\n.*Exchange rangepartitioning`)
)

// narrow is the part of a plan that brings the rows of a file into one partition. A single
// partition of partial aggregates holds one row per task.
func narrow(plan string) string {
	for _, at := range single.FindAllString(plan, -1) {
		if !strings.Contains(at, "HashAggregate(keys=[], ") {
			return at
		}
	}
	if i := strings.Index(plan, "Coalesce 1"); i >= 0 && !oneWriter.MatchString(plan) {
		return plan[i:]
	}
	return ""
}

func TestNarrowPlansAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan string
		bad  bool
	}{
		"a window over everything": {"Window [sum(n)]\n+- Sort [a], false\n   +- Exchange SinglePartition, ENSURE\n      +- FileScan parquet\n", true},
		"a count":                  {"HashAggregate(keys=[], functions=[count(1)])\n+- Exchange SinglePartition, ENSURE\n   +- HashAggregate(keys=[], functions=[partial_count(1)])\n", false},
		"a file of sorted ranges":  {"Coalesce 1\n+- Sort [sku], true, 0\n   +- Exchange rangepartitioning(sku, 2)\n      +- FileScan\n", false},
		"a file sorted at once":    {"Coalesce 1\n+- FileScan\n", true},
	} {
		if got := narrow(c.plan); (got != "") != c.bad {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func sparkPlans(t *testing.T, python, dir string, job Job) []asked {
	t.Helper()
	list := filepath.Join(t.TempDir(), "case.json")
	b, err := json.Marshal(map[string]any{"dir": dir, "etl_id": job.ETLID, "drop": job.Drop.Drop().Record(), "buckets": job.Buckets})
	if err == nil {
		err = os.WriteFile(list, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "../databricks/job/tests/plans.py", list)
	cmd.Env = append(os.Environ(), "SKUCAST_SPARK_REMOTE=")
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, failure.String())
	}
	var all []asked
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 4<<20)
	for scan.Scan() {
		var a asked
		if json.Unmarshal(scan.Bytes(), &a) == nil && a.What != "" {
			all = append(all, a)
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
