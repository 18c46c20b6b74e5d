package functions

import (
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAllIsTheTableOfTheDesign(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	queue := func(name string) Trigger {
		return Trigger{
			Type: ServiceBus, Binding: "message", Direction: "in", QueueName: name,
			Connection: "SERVICEBUS", DataType: "binary",
		}
	}
	finish := queue("finish-run")
	finish.Binding, finish.Cardinality = "messages", "many"
	want := []Function{
		{"api", Trigger{
			Type: HTTP, Binding: "request", Direction: "in", Route: "{*path}",
			AuthLevel: "anonymous", Methods: []string{"get", "head", "post"},
		}},
		{"finish-run", finish},
		{"plan-training", queue("plan-training")},
		{"publish-run", queue("publish-run")},
		{"reconcile", Trigger{Type: Timer, Binding: "timer", Direction: "in", Schedule: "0 */5 * * * *"}},
		{"submit-etl", Trigger{Type: EventGrid, Binding: "event", Direction: "in"}},
		{"train-sku", queue("train-sku")},
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v\nwant %+v", all, want)
	}
}

func TestQueueHasTheNameOfItsFunction(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Trigger.Type == ServiceBus && f.Trigger.QueueName != f.Name {
			t.Errorf("function %s is fed by queue %s", f.Name, f.Trigger.QueueName)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const queue = `{"type":"serviceBusTrigger","direction":"in","name":"m","queueName":"q","connection":"C","dataType":"binary"}`
	for _, c := range []struct{ name, folder, file, want string }{
		{"broken JSON", "f", `{"bindings":[`, "unexpected EOF"},
		{"text after it", "f", `{"bindings":[` + queue + `]} x`, "text after"},
		{"misspelt setting", "f", `{"bindings":[{"type":"timerTrigger","direction":"in","name":"t","shedule":"0 * * * * *"}]}`, "shedule"},
		{"no trigger", "f", `{"bindings":[]}`, `trigger type ""`},
		{"two triggers", "f", `{"bindings":[` + queue + `,` + queue + `]}`, "two triggers"},
		{"unknown trigger", "f", `{"bindings":[{"type":"blobTrigger","direction":"in","name":"b"}]}`, "blobTrigger"},
		{"output binding", "f", `{"bindings":[` + queue + `,{"type":"serviceBus","direction":"out","name":"o"}]}`, "through the SDK"},
		{"text bodies", "f", strings.ReplaceAll(`{"bindings":[`+queue+`]}`, "binary", "string"), "only binary"},
		{"no queue", "f", strings.ReplaceAll(`{"bindings":[`+queue+`]}`, `"queueName":"q",`, ""), "queueName"},
		{"no binding name", "f", strings.ReplaceAll(`{"bindings":[`+queue+`]}`, `"name":"m",`, ""), "no name"},
		{"cardinality", "f", `{"bindings":[{"type":"eventGridTrigger","direction":"in","name":"e","cardinality":"all"}]}`, "cardinality"},
		{"http without output", "f", `{"bindings":[{"type":"httpTrigger","direction":"in","name":"r"}]}`, "exactly one"},
		{"timer without schedule", "f", `{"bindings":[{"type":"timerTrigger","direction":"in","name":"t"}]}`, "schedule"},
		{"folder name", "Submit_ETL", `{"bindings":[` + queue + `]}`, "hyphens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.folder, []byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), c.folder+"/function.json: ") {
				t.Errorf("got %v, want an error of %s/function.json with %q", err, c.folder, c.want)
			}
		})
	}
}

func TestLoadReadsOneLevelOnly(t *testing.T) {
	const timer = `{"bindings":[{"type":"timerTrigger","direction":"in","name":"t","schedule":"0 * * * * *"}]}`
	all, err := Load(fstest.MapFS{
		"tick/function.json":        {Data: []byte(timer)},
		"deep/nested/function.json": {Data: []byte(timer)},
		"function.json":             {Data: []byte(timer)},
	})
	if err != nil || len(all) != 1 || all[0].Name != "tick" {
		t.Errorf("got %v, %v; want tick alone", all, err)
	}
	if _, err := Load(fstest.MapFS{"host.json": {}}); err == nil {
		t.Error("an app without functions was accepted")
	}
}

func TestAppServesHostJSONBesideTheFunctions(t *testing.T) {
	hostJSON, err := os.ReadFile("../host.json")
	if err != nil {
		t.Fatal(err)
	}
	app, err := App(hostJSON)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(app, "host.json"); err != nil || string(got) != string(hostJSON) {
		t.Errorf("host.json: %q, %v", got, err)
	}
	got, err := Load(app)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := All(); !reflect.DeepEqual(got, want) {
		t.Errorf("functions: got %v, want %v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	files, err := fs.Glob(embedded, "*/function.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := embedded.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fn, err := Parse("f", data)
		if err == nil && (fn.Trigger.Type == "" || fn.Trigger.Binding == "") {
			t.Errorf("accepted %q as %+v", data, fn)
		}
	})
}
