package prophet

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Errors of reading the Python package's JSON form, to be tested with errors.Is.
var (
	// ErrJSON: the text is no Prophet model, or parts of it contradict each
	// other. All errors below are this one too.
	ErrJSON = errors.New("prophet: not a model in the Python package's JSON form")
	// ErrComponentModes: the list of the components' modes does not agree with
	// the components. The Python package does not notice and predicts wrong
	// numbers from such a file: terms left unscaled, or scaled twice.
	ErrComponentModes = fmt.Errorf("%w: component_modes do not agree with the components", ErrJSON)
	// ErrCountryHolidays: the dates of a country's holidays are not in the
	// file; they come from the calendar package of whoever reads it. In Python,
	// set holidays = construct_holiday_dataframe(dates) and country_holidays =
	// None before saving.
	ErrCountryHolidays = fmt.Errorf("%w: the dates of country holidays are not in the file", ErrJSON)
	// ErrSampled: the parameters are samples of the posterior (mcmc_samples),
	// not an estimate.
	ErrSampled = fmt.Errorf("%w: it holds samples of the posterior instead of an estimate", ErrJSON)
	// ErrJSONSize: the file asks for more columns than it has coefficients, or
	// for more days of holidays than any calendar has.
	ErrJSONSize = fmt.Errorf("%w: it is larger than it can be", ErrJSON)
)

// PythonVersion is the version of the Python package whose form MarshalJSON
// writes. Files of 0.6 and later can be read.
const PythonVersion = "1.5.0"

// pair is an ordered dictionary: its keys in order, and the dictionary.
type pair[T any] struct {
	Order  []string
	Values map[string]T
}

// MarshalJSON writes [keys, {key: value}].
func (p pair[T]) MarshalJSON() ([]byte, error) {
	order := p.Order
	if order == nil {
		order = []string{}
	}
	values := p.Values
	if values == nil {
		values = map[string]T{}
	}
	return json.Marshal([]any{order, values})
}

// UnmarshalJSON reads [keys, {key: value}]; every key must have a value.
func (p *pair[T]) UnmarshalJSON(text []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if len(parts) != 2 {
		return errors.New("an ordered dictionary has two parts")
	}
	if err := json.Unmarshal(parts[0], &p.Order); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[1], &p.Values); err != nil {
		return err
	}
	for _, key := range p.Order {
		if _, ok := p.Values[key]; !ok {
			return fmt.Errorf("no value for %q", key)
		}
	}
	return nil
}

// document is the file: the keys of the Python package and their types.
// Pointers may be null; a raw value has several types.
type document struct {
	Growth                string              `json:"growth"`
	NChangepoints         int                 `json:"n_changepoints"`
	SpecifiedChangepoints bool                `json:"specified_changepoints"`
	ChangepointRange      float64             `json:"changepoint_range"`
	Yearly                json.RawMessage     `json:"yearly_seasonality"`
	Weekly                json.RawMessage     `json:"weekly_seasonality"`
	Daily                 json.RawMessage     `json:"daily_seasonality"`
	SeasonalityMode       string              `json:"seasonality_mode"`
	SeasonalityPriorScale float64             `json:"seasonality_prior_scale"`
	ChangepointPriorScale float64             `json:"changepoint_prior_scale"`
	HolidaysPriorScale    float64             `json:"holidays_prior_scale"`
	MCMCSamples           int                 `json:"mcmc_samples"`
	IntervalWidth         float64             `json:"interval_width"`
	UncertaintySamples    json.RawMessage     `json:"uncertainty_samples"`
	YScale                float64             `json:"y_scale"`
	YMin                  float64             `json:"y_min"`
	Scaling               string              `json:"scaling"`
	LogisticFloor         bool                `json:"logistic_floor"`
	CountryHolidays       *string             `json:"country_holidays"`
	ComponentModes        map[string][]string `json:"component_modes"`
	HolidaysMode          string              `json:"holidays_mode"`

	Changepoints      *string `json:"changepoints"`
	HistoryDates      *string `json:"history_dates"`
	TrainHolidayNames *string `json:"train_holiday_names"`
	Start             float64 `json:"start"`
	TScale            float64 `json:"t_scale"`
	Holidays          *string `json:"holidays"`
	History           *string `json:"history"`
	ComponentColumns  *string `json:"train_component_cols"`

	ChangepointsT   []float64                    `json:"changepoints_t"`
	Seasonalities   pair[seasonalityDocument]    `json:"seasonalities"`
	ExtraRegressors pair[regressorDocument]      `json:"extra_regressors"`
	FitKwargs       map[string]any               `json:"fit_kwargs"`
	Params          map[string][]json.RawMessage `json:"params"`
	Version         string                       `json:"__prophet_version"`
}

type seasonalityDocument struct {
	Period     float64 `json:"period"`
	Order      int     `json:"fourier_order"`
	PriorScale float64 `json:"prior_scale"`
	Mode       string  `json:"mode"`
	Condition  *string `json:"condition_name"`
}

type regressorDocument struct {
	PriorScale  float64         `json:"prior_scale"`
	Standardize json.RawMessage `json:"standardize"`
	Mean        float64         `json:"mu"`
	SD          float64         `json:"std"`
	Mode        string          `json:"mode"`
	Spec        json.RawMessage `json:"predictor_spec"` // how to forecast the input itself; not used here
	Predictor   json.RawMessage `json:"predictor"`
}

// auto is the word for an automatic choice.
const auto = "auto"
