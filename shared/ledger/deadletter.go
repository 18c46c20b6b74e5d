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

// Refuse keeps a delivery that failed with a permanent error.
func (l Ledger) Refuse(ctx context.Context, function, id string, body []byte, why error) error {
	sum := sha256.Sum256([]byte(function + "\x00" + id + "\x00" + string(body)))
	d := event.DeadLetter{
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

// Discard forgets a refused delivery.
func (l Ledger) Discard(ctx context.Context, d event.DeadLetter) error {
	return l.Store.Delete(ctx, d.Place)
}

// DeadLetters yields what was refused.
func (l Ledger) DeadLetters(ctx context.Context) iter.Seq2[event.DeadLetter, error] {
	return func(yield func(event.DeadLetter, error) bool) {
		for info, err := range l.Store.List(ctx, DeadLetterDir) {
			if err != nil {
				yield(event.DeadLetter{}, err)
				return
			}
			if !strings.HasSuffix(info.Name, ".json") {
				continue
			}
			var d event.DeadLetter
			_, err := blobstore.GetJSON(ctx, l.Store, info.Name, &d)
			d.Place = info.Name
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}
