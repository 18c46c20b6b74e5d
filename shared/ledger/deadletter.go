package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// DeadLetterDir holds the deliveries that no redelivery can make useful. A custom
// handler cannot settle a message as dead-lettered, so it keeps the body here, with the
// reason, and completes the message.
const DeadLetterDir = blobstore.Forecasts + "/deadletter/"

// DeadLetter is one refused delivery; Body is kept whole for a replay.
type DeadLetter struct {
	V        int    `json:"v"`
	Function string `json:"function"`
	ID       string `json:"id"` // of the message or event
	RunID    string `json:"run_id"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	Body     []byte `json:"body"`
}

// Refuse keeps a delivery that failed with a permanent error.
func (l Ledger) Refuse(ctx context.Context, function, id string, body []byte, why error) error {
	sum := sha256.Sum256([]byte(function + "\x00" + id + "\x00" + string(body)))
	d := DeadLetter{
		V: run.Version, Function: function, ID: id, Reason: event.ReasonOf(why), Message: why.Error(), Body: body,
	}
	var named struct {
		RunID string `json:"run_id"`
	}
	if json.Unmarshal(body, &named) == nil && run.IsID(named.RunID) {
		d.RunID = named.RunID
	}
	return l.once(ctx, DeadLetterDir+function+"/"+hex.EncodeToString(sum[:12])+".json", d)
}

// DeadLetters yields what was refused.
func (l Ledger) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for info, err := range l.Store.List(ctx, DeadLetterDir) {
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			if !strings.HasSuffix(info.Name, ".json") {
				continue
			}
			var d DeadLetter
			_, err := blobstore.GetJSON(ctx, l.Store, info.Name, &d)
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}
