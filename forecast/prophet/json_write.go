package prophet

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/pandas"
)

// MarshalJSON writes the model as prophet.serialize.model_to_json does, with
// the history. The Python package reads it and predicts the same values. It
// returns ErrParameters for a model whose parts do not fit together, and
// ErrNotFinite for numbers that JSON cannot hold.
func (f *Fitted) MarshalJSON() ([]byte, error) { return f.marshal(true) }

// CompactJSON is MarshalJSON without the rows of the history, with only its
// last date, and without the table of components, which the reader rebuilds: a
// few kilobytes, enough to predict and for make_future_dataframe, but not to
// plot or to cross-validate.
func (f *Fitted) CompactJSON() ([]byte, error) { return f.marshal(false) }

func order(o Order) json.RawMessage {
	switch o {
	case Auto:
		return json.RawMessage(`"` + auto + `"`)
	case On:
		return json.RawMessage("true")
	case Off:
		return json.RawMessage("false")
	}
	return json.RawMessage(strconv.Itoa(int(o)))
}

func standardize(s Standardize) json.RawMessage {
	switch s {
	case StandardizeYes:
		return json.RawMessage("true")
	case StandardizeNo:
		return json.RawMessage("false")
	case StandardizeAuto:
	}
	return json.RawMessage(`"` + auto + `"`)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// marshal builds the document of f.
func (f *Fitted) marshal(history bool) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.checkHistory(); err != nil {
		return nil, err
	}
	m := &f.Model
	d := document{
		Growth: m.Growth.String(), NChangepoints: max(m.NChangepoints, 0),
		SpecifiedChangepoints: m.Changepoints != nil, ChangepointRange: m.ChangepointRange,
		Yearly: order(m.Yearly), Weekly: order(m.Weekly), Daily: order(m.Daily),
		SeasonalityMode: m.SeasonalityMode.String(), SeasonalityPriorScale: m.SeasonalityPriorScale,
		ChangepointPriorScale: m.ChangepointPriorScale, HolidaysPriorScale: m.HolidaysPriorScale,
		IntervalWidth: m.IntervalWidth, UncertaintySamples: json.RawMessage(strconv.Itoa(max(m.UncertaintySamples, 0))),
		YScale: f.YScale, YMin: f.YMin, Scaling: m.Scaling.String(), LogisticFloor: f.LogisticFloor,
		HolidaysMode: m.HolidaysMode.String(), Start: time.Duration(f.Start.UnixNano()).Seconds(), TScale: f.TScale.Seconds(),
		ChangepointsT: f.ChangepointT, FitKwargs: map[string]any{}, Version: PythonVersion,
	}
	additive, multiplicative := f.ComponentModes()
	d.ComponentModes = map[string][]string{"additive": additive, "multiplicative": multiplicative}
	d.Seasonalities.Values = map[string]seasonalityDocument{}
	for _, s := range f.Seasonalities {
		d.Seasonalities.Order = append(d.Seasonalities.Order, s.Name)
		d.Seasonalities.Values[s.Name] = seasonalityDocument{s.Period, s.Order, s.PriorScale, s.Mode.String(), optional(s.Condition)}
	}
	d.ExtraRegressors.Values = map[string]regressorDocument{}
	for _, r := range f.Regressors {
		d.ExtraRegressors.Order = append(d.ExtraRegressors.Order, r.Name)
		d.ExtraRegressors.Values[r.Name] = regressorDocument{
			PriorScale: r.PriorScale, Standardize: standardize(r.Standardize), Mean: r.Mean, SD: r.SD, Mode: r.Mode.String(),
		}
	}
	f.tables(&d, history)
	row := func(v ...float64) []json.RawMessage {
		text, err := json.Marshal(append([]float64{}, v...))
		if err != nil {
			return nil // infinite or NaN: found by json.Marshal below
		}
		return []json.RawMessage{text}
	}
	p := &f.Params
	d.Params = map[string][]json.RawMessage{
		"k": row(p.K), "m": row(p.M), "sigma_obs": row(p.Sigma), "delta": row(p.Delta...), "beta": row(p.Beta...),
	}
	for name, v := range d.Params {
		if v == nil {
			return nil, fmt.Errorf("%w: parameter %s", ErrNotFinite, name)
		}
	}
	out, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFinite, err)
	}
	return out, nil
}

// tables fills in what the form stores as text within the text.
func (f *Fitted) tables(d *document, history bool) {
	set := func(to **string, text string) { *to = &text }
	set(&d.Changepoints, pandas.FormatTimes("ds", f.Changepoints))
	dates := f.HistoryDates
	if n := len(dates); !history && n > 1 {
		dates = dates[n-1:]
	}
	set(&d.HistoryDates, pandas.FormatTimes("ds", dates))
	if len(f.HolidayNames) > 0 {
		set(&d.TrainHolidayNames, pandas.FormatStrings("holiday", f.HolidayNames))
	}
	if holidays := f.Model.Holidays; len(holidays) > 0 {
		var ds []time.Time
		var names []string
		var lower, upper []int
		var prior []float64
		for _, h := range holidays {
			at, _ := wallClock(h.Date)
			ds, names = append(ds, fromWallClock(at)), append(names, h.Name)
			lower, upper, prior = append(lower, h.Lower), append(upper, h.Upper), append(prior, h.PriorScale)
		}
		set(&d.Holidays, pandas.FormatFrame(
			pandas.TimeColumn("ds", ds), pandas.StringColumn("holiday", names),
			pandas.IntegerColumn("lower_window", lower), pandas.IntegerColumn("upper_window", upper),
			pandas.NumberColumn("prior_scale", prior),
		))
	}
	set(&d.History, f.historyTable(history))
	if !history {
		return
	}
	names, table := f.ComponentTable()
	cols := make([]pandas.Column, len(names))
	for c, name := range names {
		values := make([]int, len(table))
		for j, row := range table {
			values[j] = index(row[c])
		}
		cols[c] = pandas.IntegerColumn(name, values)
	}
	set(&d.ComponentColumns, pandas.FormatFrame(cols...))
}

// historyTable is the history as the Python package keeps it: with scaled time
// and values, and regressors standardised.
func (f *Fitted) historyTable(rows bool) string {
	h := &f.History
	n := len(h.Time)
	if !rows {
		n = 0
	}
	floor, t, y := make([]float64, n), make([]float64, n), make([]float64, n)
	limit := make([]float64, n)
	for i := range n {
		floor[i] = f.floorAt(h.Floor, i)
		t[i] = f.scaledTime(h.Time[i].UnixNano())
		y[i] = (h.Y[i] - floor[i]) / f.YScale
		if f.Model.Growth == Logistic {
			limit[i] = (h.Cap[i] - floor[i]) / f.YScale
		}
	}
	cols := []pandas.Column{pandas.TimeColumn("ds", h.Time[:n]), pandas.NumberColumn("y", h.Y[:n])}
	written := map[string]bool{}
	for _, s := range f.Seasonalities {
		if name := s.Condition; name != "" && !written[name] && len(h.Conditions[name]) >= n {
			written[name] = true
			cols = append(cols, pandas.BoolColumn(name, h.Conditions[name][:n]))
		}
	}
	for _, r := range f.Regressors {
		x := make([]float64, n)
		for i := range x {
			x[i] = (h.Regressors[r.Name][i] - r.Mean) / r.SD
		}
		cols = append(cols, pandas.NumberColumn(r.Name, x))
	}
	if f.Model.Growth == Logistic {
		cols = append(cols, pandas.NumberColumn("cap", h.Cap[:n]), pandas.NumberColumn("cap_scaled", limit))
	}
	return pandas.FormatFrame(append(cols, pandas.NumberColumn("floor", floor), pandas.NumberColumn("t", t), pandas.NumberColumn("y_scaled", y))...)
}

// checkHistory refuses a history whose columns differ in length.
func (f *Fitted) checkHistory() error {
	h := &f.History
	future := h.Future()
	if len(h.Y) != len(h.Time) {
		return fmt.Errorf("%w: the history has %d times and %d values", ErrParameters, len(h.Time), len(h.Y))
	}
	if len(h.Time) == 0 {
		return nil
	}
	if err := future.check(&f.Model, f.LogisticFloor); err != nil {
		return fmt.Errorf("%w: %w", ErrParameters, err)
	}
	return nil
}
