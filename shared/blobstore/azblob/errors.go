package azblob

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/skucast/skucast/shared/blobstore"
)

// translate gives the port's errors to the service's answers, and one line to the others.
func translate(op, name string, cond blobstore.Condition, err error) error {
	if err == nil {
		return nil
	}
	var re *azcore.ResponseError
	if !errors.As(err, &re) {
		if ue, ok := errors.AsType[*url.Error](err); ok { // its text has the URL, whose query may hold a signature
			err = ue.Err
		}
		return fmt.Errorf("%s %s: %w", op, name, err)
	}
	if meaning := meaning(re, cond); meaning != nil {
		return fmt.Errorf("%s: %w", name, meaning)
	}
	return &serviceError{op: op, name: name, cause: re}
}

// meaning of an answer for the caller, nil if it is none of the port's.
func meaning(re *azcore.ResponseError, cond blobstore.Condition) error {
	code := bloberror.Code(re.ErrorCode)
	switch {
	case code == bloberror.ContainerNotFound:
		return fmt.Errorf("the container does not exist: %w", blobstore.ErrNotFound)
	// Blocks vanish when another writer commits first, and 404 is the answer to If-Match on
	// nothing: in both cases the condition no longer holds.
	case code == bloberror.BlobAlreadyExists,
		cond.IfNoneMatch && (re.StatusCode == http.StatusPreconditionFailed || code == bloberror.InvalidBlockList):
		return blobstore.ErrExists
	case re.StatusCode == http.StatusPreconditionFailed && code != bloberror.LeaseIDMissing,
		cond.IfMatch != "" && (re.StatusCode == http.StatusNotFound || code == bloberror.InvalidBlockList):
		return blobstore.ErrChanged
	case re.StatusCode == http.StatusNotFound:
		return blobstore.ErrNotFound
	case re.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return blobstore.ErrRange
	case code == bloberror.InvalidResourceName, code == bloberror.InvalidURI:
		return blobstore.ErrInvalidName
	}
	return nil
}

// serviceError is any other answer. The SDK's own text has a dozen lines, with the body.
type serviceError struct {
	op, name string
	cause    *azcore.ResponseError
}

func (e *serviceError) Error() string {
	code := e.cause.ErrorCode
	if code == "" {
		code = http.StatusText(e.cause.StatusCode)
	}
	return fmt.Sprintf("%s %s: the storage account answers %d %s", e.op, e.name, e.cause.StatusCode, code)
}

func (e *serviceError) Unwrap() error { return e.cause }
