package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
)

// send puts a message into a queue of the running stack, as anybody with access could.
func (u *up) send(queue string, body []byte) {
	u.t.Helper()
	client, err := azservicebus.NewClientFromConnectionString(u.bus, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = client.Close(u.t.Context()) }()
	sender, err := client.NewSender(queue, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	if err := sender.SendMessage(u.t.Context(), &azservicebus.Message{Body: body}, nil); err != nil {
		u.t.Fatal(err)
	}
}

// refused asks the API for what was dead-lettered, until there are n.
func (u *up) refused(n int) map[string]string {
	u.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		resp, err := http.Get(u.url + "/api/deadletters")
		if err != nil {
			u.t.Fatal(err)
		}
		var body struct {
			DeadLetters []event.DeadLetter `json:"deadletters"`
		}
		err = json.NewDecoder(resp.Body).Decode(&body)
		_ = resp.Body.Close()
		if err != nil {
			u.t.Fatal(err)
		}
		if len(body.DeadLetters) >= n {
			reasons := map[string]string{}
			for _, d := range body.DeadLetters {
				reasons[d.Function+" "+d.Reason] = d.Message
			}
			return reasons
		}
		if time.Now().After(deadline) {
			u.t.Fatalf("%d of %d dead letters after %s: %+v", len(body.DeadLetters), n, patience, body.DeadLetters)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another process
	}
}

// Messages that no repetition can make useful are kept with a reason and disturb nobody.
func TestForeignMessagesAreRefused(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		file := salesFile(t, 9)
		want, _ := forecast(t, file)
		u := start(t, t.TempDir(), s.flags...)
		unknown := strings.Repeat("0", 64)
		u.send(event.QueueTrainSKU, []byte("hello"))
		u.send(event.QueueTrainSKU, event.Encode(event.TrainMessage{V: 1, RunID: unknown, Unit: "00000000", File: "f", Rows: 1, NSeries: 1}))
		u.send(event.QueuePublishRun, event.Encode(event.RunMessage{V: 1, RunID: unknown}))
		u.send(event.QueuePlanTraining, event.Encode(event.RunMessage{V: 2, RunID: unknown}))
		u.send(event.QueueFinishRun, event.Encode(event.FinishMessage{V: 1, RunID: unknown, Unit: "00000000"}))
		u.copyIn(file, "sales.csv")
		runs := u.await("ended", ended(1))
		if runs[0].Complete == nil || runs[0].Complete.Digest != want.Digest {
			t.Errorf("the good file beside them: %+v", runs[0])
		}
		id := runs[0].RunID
		u.send(event.QueueTrainSKU, event.Encode(event.TrainMessage{V: 1, RunID: id, Unit: "00099999", File: "sales/none.parquet", Rows: 1, NSeries: 1}))
		reasons := u.refused(6)
		for _, want := range []string{
			"train-sku invalid_message", "train-sku unknown_run", "train-sku unknown_unit", "publish-run unknown_run",
			"plan-training invalid_message", "finish-run unknown_run",
		} {
			if reasons[want] == "" {
				t.Errorf("not refused: %s; there is %v", want, reasons)
			}
		}
		stdout, _, code := skucast(t, "status", "--data", u.data)
		if code != 0 || !strings.Contains(stdout, "unknown_unit") {
			t.Errorf("status, exit %d:\n%s", code, stdout)
		}
	})
}

// A file that is deleted before anybody reads it is a failed run, not a lost one.
func TestDeletedSource(t *testing.T) {
	eachStorage(t, func(t *testing.T, s storage) {
		u := start(t, t.TempDir(), s.flags...)
		u.copyIn(salesFile(t, 10), "north/sales.csv")
		u.await("claimed", func(runs []ledger.View) bool { return len(runs) == 1 })
		u.remove("north/sales.csv")
		runs := u.await("ended", ended(1))
		if f := runs[0].Failed; runs[0].Complete == nil && (f == nil || f.Reason != "source_gone" || f.WayOut == "") {
			t.Errorf("run %+v, want complete (read in time) or source_gone", runs[0])
		}
	})
}
