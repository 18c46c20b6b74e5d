package databricks

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/jobs"
)

// The definition of the job is one that the service's own client knows, and its parameters
// are those that Submit sends.
func TestJobDefinition(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("job/job.json")
	if err != nil {
		t.Fatal(err)
	}
	var job jobs.CreateJob
	if err := json.Unmarshal(b, &job); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if given, kept := leaves(t, b), leaves(t, again); !slices.Equal(given, kept) {
		t.Errorf("the client keeps %q of %q", kept, given)
	}
	names := []string{}
	for _, p := range job.Parameters {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{ParamETLID, ParamDrop}) {
		t.Errorf("parameters %q", names)
	}
	args := strings.Join(job.Tasks[0].PythonWheelTask.Parameters, " ")
	for _, name := range names {
		if !strings.Contains(args, "--param "+name+"={{job.parameters."+name+"}}") {
			t.Errorf("the task is not given %s: %s", name, args)
		}
	}
}

// leaves lists the values of a document that are not what a client leaves out.
func leaves(t *testing.T, b []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	var found []string
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		if s, ok := tok.(string); ok && s != "" && s != "default" && s != "max_retries" {
			found = append(found, s)
		}
	}
	slices.Sort(found)
	return found
}
