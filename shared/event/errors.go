package event

import "errors"

// A permanent error cannot be mended by trying again: the input is wrong, not the
// moment. Its reason is a stable, machine-readable word (see the runbook) that ends in
// _failed.json or in a message's dead-letter reason.
type permanentError struct {
	reason string
	err    error
}

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err as one that redelivery cannot mend. A nil err stays nil.
func Permanent(reason string, err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{reason: reason, err: err}
}

// IsPermanent reports whether any error in err's tree was marked by Permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}

// ReasonOf returns the reason given to Permanent, or "" for a transient error.
func ReasonOf(err error) string {
	if p, ok := errors.AsType[*permanentError](err); ok {
		return p.reason
	}
	return ""
}
