package stack

import (
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// pollEvery is how often the folders are looked at for files that others wrote; puts of
// this process are noticed at once.
const pollEvery = 100 * time.Millisecond

// startEvents raises BlobCreated for what appears in storage, and delivers as the
// deployment's subscriptions do.
func (s *Stack) startEvents(bus string) error {
	client, err := azservicebus.NewClientFromConnectionString(bus, nil)
	if err != nil {
		return fmt.Errorf("connect Event Grid to Service Bus: %w", err)
	}
	sender, err := client.NewSender(event.QueuePlanTraining, nil)
	if err != nil {
		return fmt.Errorf("connect Event Grid to queue %s: %w", event.QueuePlanTraining, err)
	}
	s.closers = append(s.closers, func() { _ = client.Close(s.ctx) })
	topic, err := eventgrid.NewSystemTopic(s.ctx, s.blobs.account,
		eventgrid.Subscriptions(eventgrid.ToFunction("submit-etl", s.host.DeliverEvent), eventgrid.ToQueue(sender)),
		eventgrid.Options{Backoff: eventgrid.CompressedBackoff(20), Chaos: s.cfg.Faults.events(), Log: s.cfg.Logger})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, topic.Close)
	if s.blobs.folder != nil {
		s.startWatch(topic)
	} else {
		s.blobs.topic.Store(topic) // what has been written so far belongs to reconcile
	}
	if s.cfg.Faults.KillEvery > 0 {
		s.running.Go(s.killWorkers)
	}
	return nil
}

// startWatch raises the events of a folder, which has nobody to raise them.
func (s *Stack) startWatch(topic *eventgrid.SystemTopic) {
	w := &dirblob.Watcher{
		Store: s.blobs.folder,
		Prefixes: []dirblob.Prefix{
			{Name: blobstore.RawData + "/" + run.Incoming, Depth: -1, Rest: dirblob.PersonRest},
			{Name: blobstore.ProcessedData + "/etl/", Suffix: "/" + run.ManifestName, Depth: 1},
		},
		Problem: func(name string, err error) {
			s.cfg.Logger.Error("a file in the watched folder cannot be used; rename it", "name", name, "error", err)
		},
	}
	w.Poll(time.Now()) // what is there already belongs to reconcile
	s.running.Go(func() { s.watch(w, topic) })
}

func (s *Stack) watch(w *dirblob.Watcher, topic *eventgrid.SystemTopic) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-w.Wake():
		case <-tick.C:
		}
		for _, b := range w.Poll(time.Now()) {
			container, blob := blobstore.Split(b.Name)
			if _, err := topic.Raise(s.ctx, eventgrid.BlobEvent{
				Container: container, Blob: blob, ETag: b.ETag, Size: b.Size, API: eventgrid.APIPutBlob, Time: b.LastModified,
			}); err != nil {
				s.cfg.Logger.Warn("event not raised", "blob", b.Name, "error", err)
			}
		}
	}
}
