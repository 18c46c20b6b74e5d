package atom

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/filter"
)

// What is described is read again as it was.
func TestRulesGoThere(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, r := range []filter.Rule{
		{Name: "all"},
		{Name: "none", Filter: filter.Filter{Kind: filter.None}},
		{Name: "sql", Action: "SET a = 1", Filter: filter.Filter{Kind: filter.SQL, Expression: "a < @p AND b <> '&'", Parameters: map[string]any{"@p": int64(1)}}},
		{Name: "correlation", Filter: filter.Filter{Kind: filter.ByCorrelation, Correlation: filter.Correlation{
			MessageID: "1", CorrelationID: "2", To: "3", ReplyTo: "4", Subject: "5", SessionID: "6", ReplyToSessionID: "7", ContentType: "8",
			Properties: map[string]any{"s": " x ", "n": int64(-5), "f": 2.5, "b": true, "t": at},
		}}},
	} {
		e := Entry{Title: r.Name, Content: Content{Rule: DescribeRule(r)}}
		e.Content.Mark()
		raw, err := xml.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		var again Entry
		if err := xml.Unmarshal(raw, &again); err != nil {
			t.Fatal(err)
		}
		got, err := ReadRule(again.Content.Rule)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(r) {
			t.Errorf("%s\nread %+v (%v)\nwant %+v", raw, got, err, r)
		}
	}
}

func TestRuleRefusals(t *testing.T) {
	for _, c := range []string{
		`<Filter i:type="DateFilter"/>`,
		`<Filter i:type="SqlFilter"><Parameters><KeyValueOfstringanyType><Key>k</Key><Value i:type="d:int">x</Value></KeyValueOfstringanyType></Parameters></Filter>`,
		`<Filter i:type="CorrelationFilter"><Properties><KeyValueOfstringanyType><Key>k</Key><Value i:type="d:duration">PT1M</Value></KeyValueOfstringanyType></Properties></Filter>`,
	} {
		var r Rule
		if err := xml.Unmarshal([]byte(`<RuleDescription xmlns:i="`+nsXSI+`">`+c+`</RuleDescription>`), &r); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRule(&r); !errors.Is(err, filter.ErrInvalid) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// FuzzEntry: no body makes reading an entry panic, and what is read can be written.
func FuzzEntry(f *testing.F) {
	e := Entry{Content: Content{Rule: DescribeRule(filter.Rule{Name: "r", Filter: filter.Filter{Kind: filter.SQL, Expression: "1=1"}})}}
	e.Content.Mark()
	raw, err := xml.Marshal(&e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(raw))
	f.Add(`<entry xmlns="http://www.w3.org/2005/Atom"><content><QueueDescription><LockDuration>PT1M</LockDuration></QueueDescription></content></entry>`)
	f.Fuzz(func(t *testing.T, s string) {
		var e Entry
		if xml.Unmarshal([]byte(s), &e) != nil {
			return
		}
		if e.Content.Rule != nil {
			if r, err := ReadRule(e.Content.Rule); err == nil {
				DescribeRule(r)
			}
		}
		if out, err := xml.Marshal(&e); err == nil && !strings.Contains(string(out), "entry") {
			t.Errorf("wrote %s", out)
		}
	})
}
