package blobevents

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
)

// The states of a copy, as x-ms-copy-status names them.
const (
	copyPending = string(blob.CopyStatusTypePending)
	copySuccess = string(blob.CopyStatusTypeSuccess)
)

// lookWithin bounds how long the answer to a write waits for what its event says.
const lookWithin = 10 * time.Second

// describer asks the account itself about a blob.
type describer struct{ client *sdk.Client }

func newDescriber(a Account) (describer, error) {
	c, err := sdk.NewClientFromConnectionString(a.ConnectionString(), &sdk.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: 100 * time.Millisecond, MaxRetryDelay: time.Second},
	}})
	if err != nil {
		return describer{}, errConnection
	}
	return describer{client: c}, nil
}

// look describes a blob, if etag is not empty only that version of it.
func (d describer) look(ctx context.Context, e eventgrid.BlobEvent, etag string) (blob.GetPropertiesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var opt blob.GetPropertiesOptions
	if etag != "" {
		quoted := azcore.ETag(`"` + etag + `"`)
		opt.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &quoted}}
	}
	return d.client.ServiceClient().NewContainerClient(e.Container).NewBlobClient(e.Blob).GetProperties(ctx, &opt)
}

// describe fills in the size and the types that a request did not tell. A version that has
// been replaced or deleted meanwhile has an event all the same, of size 0: its reader learns
// from the ETag that it is gone.
func (p *Proxy) describe(e *eventgrid.BlobEvent) {
	got, err := p.blobs.look(p.ctx, *e, e.ETag)
	if err != nil {
		e.Size = 0
		if !bloberror.HasCode(err, bloberror.ConditionNotMet, bloberror.BlobNotFound, bloberror.ContainerNotFound) && p.ctx.Err() == nil {
			p.cfg.Log.Warn("the event of a write does not tell its size", "blob", e.Container+"/"+e.Blob, "error", plain(err))
		}
		return
	}
	fill(e, got)
}

func fill(e *eventgrid.BlobEvent, got blob.GetPropertiesResponse) {
	if got.ContentLength != nil {
		e.Size = *got.ContentLength
	}
	if got.ContentType != nil {
		e.ContentType = *got.ContentType
	}
	if got.BlobType != nil {
		e.BlobType = string(*got.BlobType)
	}
}

// plain leaves the URL and headers out of an answer's text.
func plain(err error) error {
	if re, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return errors.New(re.ErrorCode)
	}
	return err
}

// awaitCopy raises the event of a copy when the service has finished it. A copy that
// failed, was aborted or was written over raises nothing.
func (p *Proxy) awaitCopy(e eventgrid.BlobEvent, id string) {
	tick := time.NewTicker(p.cfg.LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		got, err := p.blobs.look(p.ctx, e, "") // the ETag changes as the copy goes on
		if err != nil {
			if bloberror.HasCode(err, bloberror.BlobNotFound, bloberror.ContainerNotFound) {
				return
			}
			p.cfg.Log.Warn("cannot look at a copy", "blob", e.Container+"/"+e.Blob, "error", plain(err))
			continue
		}
		if got.CopyStatus == nil || got.CopyID == nil || *got.CopyID != id {
			return // another write has replaced it, with an event of its own
		}
		switch string(*got.CopyStatus) {
		case copyPending:
			continue
		case copySuccess:
			fill(&e, got)
			if got.ETag != nil {
				e.ETag = strings.Trim(string(*got.ETag), `"`)
			}
			if got.LastModified != nil {
				e.Time = *got.LastModified
			}
			p.raise(e)
		}
		return
	}
}
