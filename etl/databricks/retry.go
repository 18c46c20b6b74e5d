package databricks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
)

// Retry repeats what the SDK returns at once although repeating is safe: 500, 502, 504
// and a connection that was dropped before the answer. All calls here are idempotent, the
// submission by its token.
type Retry struct {
	Tries int                                        // in all; 0 is 5
	Wait  func(context.Context, time.Duration) error // nil: really wait
}

// firstWait doubles at each try: 1, 2, 4, 8 s.
const firstWait = time.Second

func (r Retry) withDefaults() Retry {
	if r.Tries == 0 {
		r.Tries = 5
	}
	if r.Wait == nil {
		r.Wait = wait
	}
	return r
}

func (r Retry) do(ctx context.Context, call func() error) error {
	pause := firstWait
	for try := 1; ; try++ {
		err := call()
		if err == nil || try >= r.Tries || !again(err) {
			return err
		}
		if waitErr := r.Wait(ctx, pause); waitErr != nil {
			return errors.Join(err, waitErr)
		}
		pause *= 2
	}
}

func again(err error) bool {
	if api, ok := errors.AsType[*apierr.APIError](err); ok {
		switch api.StatusCode {
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
