package stack

import (
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
)

// workerEnv is the environment of a worker: ours without any setting of a cloud
// deployment, and the addresses of the local parts.
func (s *Stack) workerEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "SKUCAST_") && !strings.HasPrefix(name, "SERVICEBUS") && !strings.HasPrefix(name, "AZURE_") {
			env = append(env, kv)
		}
	}
	for name, value := range s.settings {
		env = append(env, name+"="+value)
	}
	return env
}

// Settings are what the function app of this stack is told: other programs on this
// machine can take part with them.
func (s *Stack) Settings() map[string]string { return maps.Clone(s.settings) }

func (s *Stack) workerSettings(bus string, topic *eventgrid.CustomTopic, ca string) map[string]string {
	name, value := s.storageSetting()
	return map[string]string{
		name:                         value,
		"SERVICEBUS":                 bus,
		"SKUCAST_DATABRICKS_HOST":    s.jobs.URL(),
		"SKUCAST_DATABRICKS_TOKEN":   s.jobs.Token(),
		"SKUCAST_DATABRICKS_JOB_ID":  strconv.FormatInt(s.jobs.JobID(), 10),
		"SKUCAST_EVENTGRID_ENDPOINT": topic.Endpoint(),
		"SKUCAST_EVENTGRID_KEY":      topic.Key(),
		"SKUCAST_EVENTGRID_CA_FILE":  ca,
		"SKUCAST_RESEND_AFTER":       s.cfg.ResendAfter.String(),
		"SKUCAST_BROKER_SINCE":       s.started.UTC().Format(time.RFC3339Nano),
	}
}
