package atom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
)

// ReadRule turns a description into a rule, which is not checked yet.
func ReadRule(d *Rule) (filter.Rule, error) {
	r := filter.Rule{Name: d.Name}
	if d.Action != nil {
		r.Action = d.Action.SQL
	}
	f := d.Filter
	if f == nil {
		return r, nil
	}
	var err error
	switch f.TypeIn {
	case "TrueFilter", "":
	case "FalseFilter":
		r.Filter.Kind = filter.None
	case "SqlFilter":
		r.Filter.Kind, r.Filter.Expression = filter.SQL, f.SQL
		r.Filter.Parameters, err = f.Parameters.read()
	case "CorrelationFilter":
		r.Filter.Kind = filter.ByCorrelation
		r.Filter.Correlation = filter.Correlation{
			MessageID: f.MessageID, CorrelationID: f.CorrelationID, To: f.To, ReplyTo: f.ReplyTo, Subject: f.Label,
			SessionID: f.SessionID, ReplyToSessionID: f.ReplyToSessionID, ContentType: f.ContentType,
		}
		r.Filter.Correlation.Properties, err = f.Properties.read()
	default:
		err = fmt.Errorf("%w: type %.60q", filter.ErrInvalid, f.TypeIn)
	}
	return r, err
}

// compatibility is the level of SQL.
const compatibility = 20

// DescribeRule is the reverse of ReadRule.
func DescribeRule(r filter.Rule) *Rule {
	d := &Rule{Name: r.Name, CreatedAt: Time(r.Since), Action: &Action{TypeOut: "EmptyRuleAction"}}
	if r.Action != "" {
		d.Action = &Action{TypeOut: "SqlRuleAction", SQL: r.Action}
	}
	switch r.Filter.Kind {
	case filter.All:
		d.Filter = &Filter{TypeOut: "TrueFilter", SQL: "1=1", Level: compatibility}
	case filter.None:
		d.Filter = &Filter{TypeOut: "FalseFilter", SQL: "1=0", Level: compatibility}
	case filter.SQL:
		d.Filter = &Filter{TypeOut: "SqlFilter", SQL: r.Filter.Expression, Level: compatibility, Parameters: write(r.Filter.Parameters)}
	case filter.ByCorrelation:
		c := r.Filter.Correlation
		d.Filter = &Filter{
			TypeOut: "CorrelationFilter", CorrelationID: c.CorrelationID, MessageID: c.MessageID, To: c.To, ReplyTo: c.ReplyTo,
			Label: c.Subject, SessionID: c.SessionID, ReplyToSessionID: c.ReplyToSessionID, ContentType: c.ContentType,
			Properties: write(c.Properties),
		}
	}
	return d
}

func (v *Values) read() (map[string]any, error) {
	if v == nil || len(v.List) == 0 {
		return nil, nil
	}
	out := map[string]any{}
	for _, kv := range v.List {
		_, kind, ok := strings.Cut(kv.Value.TypeIn, ":")
		if !ok {
			kind = kv.Value.TypeIn
		}
		text := strings.TrimSpace(kv.Value.Text)
		var value any
		var err error
		switch kind {
		case "string", "":
			value = kv.Value.Text
		case "int", "long", "short", "byte":
			value, err = strconv.ParseInt(text, 10, 64)
		case "double", "float", "decimal":
			value, err = strconv.ParseFloat(text, 64)
		case "boolean":
			value, err = strconv.ParseBool(text)
		case "dateTime":
			value, err = time.Parse(time.RFC3339Nano, text)
		default:
			err = fmt.Errorf("type %.40q", kv.Value.TypeIn)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: value of %.60s: %w", filter.ErrInvalid, kv.Key, err)
		}
		out[kv.Key] = value
	}
	return out, nil
}

func write(m map[string]any) *Values {
	if len(m) == 0 {
		return nil
	}
	out := &Values{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := Value{TypeOut: "l28:string", L28: nsXSD}
		switch x := m[k].(type) {
		case int64, int32, int:
			v.TypeOut, v.Text = "l28:int", fmt.Sprint(x)
		case float64:
			v.TypeOut, v.Text = "l28:double", strconv.FormatFloat(x, 'g', -1, 64)
		case bool:
			v.TypeOut, v.Text = "l28:boolean", strconv.FormatBool(x)
		case time.Time:
			v.TypeOut, v.Text = "l28:dateTime", x.UTC().Format(time.RFC3339Nano)
		default:
			v.Text = fmt.Sprint(x)
		}
		out.List = append(out.List, KeyValue{k, v})
	}
	return out
}
