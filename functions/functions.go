// Package functions is the deployed surface: one folder per function that holds only its
// function.json. They are embedded here so that the function app, the local host and the
// tests read the same table of triggers.
package functions

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
)

//go:embed */function.json
var embedded embed.FS

// Trigger types that the function app uses, as function.json spells them.
const (
	EventGrid  = "eventGridTrigger"
	ServiceBus = "serviceBusTrigger"
	Timer      = "timerTrigger"
	HTTP       = "httpTrigger"
)

// Function is one function.json with the name of its folder, which is also the path the
// host posts to.
type Function struct {
	Name    string
	Trigger Trigger
}

// Trigger is the input binding of a function. Fields that do not belong to Type are zero.
type Trigger struct {
	Type      string `json:"type"`
	Binding   string `json:"name"` // the key of the payload in the request's Data
	Direction string `json:"direction"`

	QueueName   string `json:"queueName"`
	Connection  string `json:"connection"`  // prefix of the app settings that hold the connection
	DataType    string `json:"dataType"`    // "binary": the body arrives as base64 of its exact bytes
	Cardinality string `json:"cardinality"` // "" or "one", "many"

	Schedule     string `json:"schedule"`     // NCRONTAB with seconds, or a time span
	RunOnStartup bool   `json:"runOnStartup"` // fire once when the host starts
	UseMonitor   *bool  `json:"useMonitor"`   // nil is true

	Route     string   `json:"route"`
	AuthLevel string   `json:"authLevel"`
	Methods   []string `json:"methods"` // lower case; empty means all
}

// Many reports whether one invocation carries several messages or events.
func (t Trigger) Many() bool { return t.Cardinality == "many" }

// All returns the functions of the app, sorted by name.
func All() ([]Function, error) { return Load(embedded) }

// Load reads every function.json that lies one level below the root of app, as the host
// does, sorted by name.
func Load(app fs.FS) ([]Function, error) {
	files, err := fs.Glob(app, "*/function.json")
	if err != nil {
		return nil, fmt.Errorf("list function folders: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("no */function.json beside host.json: name the folder that make app staged")
	}
	slices.Sort(files)
	all := make([]Function, 0, len(files))
	for _, file := range files {
		data, err := fs.ReadFile(app, file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		f, err := Parse(path.Dir(file), data)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// nameForm is narrower than what Azure allows: verb-object, kebab case.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Parse reads one function.json strictly: a misspelt setting would otherwise be ignored
// by the host without a word.
func Parse(name string, data []byte) (Function, error) {
	bad := func(format string, args ...any) (Function, error) {
		return Function{}, fmt.Errorf("%s/function.json: %w", name, fmt.Errorf(format, args...))
	}
	if !nameForm.MatchString(name) {
		return bad("folder name is not lower-case words joined by hyphens")
	}
	var file struct {
		Bindings []Trigger `json:"bindings"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return bad("%w", err)
	}
	if dec.More() {
		return bad("text after the JSON object")
	}
	f := Function{Name: name}
	outputs := 0
	for _, b := range file.Bindings {
		switch {
		case b.Direction == "out" && b.Type == "http":
			outputs++
		case b.Direction != "in":
			return bad("binding %q: only inputs and the http output are used; send through the SDK instead", b.Binding)
		case f.Trigger.Type != "":
			return bad("two triggers, %s and %s", f.Trigger.Type, b.Type)
		default:
			f.Trigger = b
		}
	}
	if err := f.Trigger.check(outputs); err != nil {
		return bad("%w", err)
	}
	return f, nil
}

func (t Trigger) check(outputs int) error {
	if t.Type != "" && t.Binding == "" {
		return errors.New("the trigger has no name")
	}
	if c := t.Cardinality; c != "" && c != "one" && c != "many" {
		return fmt.Errorf("cardinality %q; use one or many", c)
	}
	if (t.Type == HTTP) != (outputs == 1) {
		return fmt.Errorf("trigger %q with %d http outputs; an http trigger needs exactly one, others none", t.Type, outputs)
	}
	switch t.Type {
	case EventGrid, HTTP:
		return nil
	case ServiceBus:
		switch {
		case t.QueueName == "" || t.Connection == "":
			return errors.New("queueName and connection are needed")
		case t.DataType != "binary":
			return fmt.Errorf("dataType %q; only binary keeps the body's bytes and keeps it out of the metadata", t.DataType)
		}
		return nil
	case Timer:
		if t.Schedule == "" {
			return errors.New("schedule is needed")
		}
		return nil
	default:
		return fmt.Errorf("trigger type %q is not one of %s, %s, %s, %s", t.Type, EventGrid, ServiceBus, Timer, HTTP)
	}
}
