package prophet

import (
	"errors"
	"fmt"

	"github.com/skucast/skucast/forecast"
)

// Errors of models and data, to be tested with errors.Is.
var (
	// ErrModel: the specification contradicts itself or is out of range.
	ErrModel = errors.New("prophet: invalid model")
	// ErrTooFewRows: fewer than two rows have a value, or all have the same
	// time. It is a forecast.ErrTooShort.
	ErrTooFewRows = fmt.Errorf("prophet: %w", forecast.ErrTooShort)
	// ErrLength: two columns of a table differ in length.
	ErrLength = errors.New("prophet: columns of unequal lengths")
	// ErrNotFinite: an infinite value, a NaN where none is allowed, or numbers
	// whose scale cannot be represented. It is a forecast.ErrNotFinite.
	ErrNotFinite = fmt.Errorf("prophet: %w", forecast.ErrNotFinite)
	// ErrTime: a time outside the years 1678 to 2261.
	ErrTime = errors.New("prophet: time outside the years 1678 to 2261")
	// ErrCap: logistic growth without capacities, or a capacity that is not
	// above the floor.
	ErrCap = errors.New("prophet: capacities must be given and exceed the floor")
	// ErrMissing: a regressor, a condition or the floor is not in the table.
	ErrMissing = errors.New("prophet: missing column")
	// ErrChangepoints: given changepoints outside the history.
	ErrChangepoints = errors.New("prophet: changepoints must lie within the history")
	// ErrSolver: no estimate could be found.
	ErrSolver = errors.New("prophet: the solver found no estimate")
	// ErrParameters: the fitted model does not fit together, as after editing
	// or reading it from elsewhere.
	ErrParameters = errors.New("prophet: inconsistent fitted model")
)
