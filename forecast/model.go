package forecast

import "errors"

// Errors of models that cannot be estimated. A caller tests them with
// errors.Is and takes a simpler model.
var (
	// ErrTooShort means that the series has fewer observations than the
	// model needs.
	ErrTooShort = errors.New("forecast: too few observations for this model")
	// ErrNotFinite means that the numbers overflowed.
	ErrNotFinite = errors.New("forecast: the model left the range of floating point numbers")
)

// Model is a recipe with its settings; the zero value of a model is the
// published or measured recommendation.
type Model interface {
	// Fit estimates the parameters on s and filters it to its last period.
	// It keeps no reference to s.Y.
	Fit(s Series) (Fitted, error)
}

// Fitted is a model after the last period that it has seen.
type Fitted interface {
	// Append filters further periods with the parameters as they are. NaN
	// moves time without changing the level.
	Append(y []float64)
	// PredictTo writes the mean of the next len(dst) periods; it does not
	// allocate and does not change the state.
	PredictTo(dst []float64)
	// Parameters appends the estimated parameters to dst, in a fixed order.
	Parameters(dst []Parameter) []Parameter
	// Clone is an independent copy, for a caller that follows several futures.
	Clone() Fitted
}

// Parameter is one named number that a model has estimated.
type Parameter struct {
	Name  string
	Value float64
}
