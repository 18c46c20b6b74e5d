package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// message makes a message with application properties and, by position, properties.
func message(t testing.TB, application map[string]any, properties map[int]any) *amqp.Message {
	t.Helper()
	m, err := amqp.ReadMessage(amqp.AppendBinary([]byte{0x00, 0x53, 0x75}, []byte("body")), func() string { return "id-1" })
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range application {
		b, err := amqp.AppendScalar(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		m = m.With(amqp.Pair{Key: k, Value: b})
	}
	for at, v := range properties {
		b, err := amqp.AppendScalar(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		m = m.WithProperty(at, b)
	}
	return m
}

func sample(t testing.TB) *amqp.Message {
	return message(t, map[string]any{
		"region": "eu", "amount": int32(7), "price": 2.5, "vip": true, "None": nil, "Property With Space": "x", "big": uint64(3 << 62),
	}, map[int]any{
		amqp.PropertySubject: "order/new", amqp.PropertyCorrelationID: "c-1", amqp.PropertyTo: "store", amqp.PropertyGroupID: "S",
		amqp.PropertyContentType: amqp.Symbol("application/json"),
	})
}

func TestSQL(t *testing.T) {
	m := sample(t)
	for _, c := range []struct {
		expression string
		want       any // true, false or nil for unknown
	}{
		{"1=1", true},
		{"1 = 2", false},
		{"TRUE", true},
		{"vip", true},
		{"NOT vip", false},
		{"region = 'eu'", true},
		{"REGION = 'eu'", true},
		{"region = 'EU'", false},
		{"user.region = 'eu'", true},
		{"[region] = 'eu' AND \"region\" = 'eu'", true},
		{"[Property With Space] = 'x'", true},
		{"region <> 'us' and amount != 8", true},
		{"amount = 7.0", true},
		{"amount > 6 AND amount >= 7 AND amount < 8 AND amount <= 7", true},
		{"big > 9223372036854775806", true},
		{"price * 2 = 5 AND amount / 2 = 3 AND amount % 4 = 3 AND amount / 2.0 = 3.5", true},
		{"-amount + 10 = 3 AND +amount = 7", true},
		{"2 + 3 * 4 = 14 AND (2 + 3) * 4 = 20", true},
		{"1e2 = 100 AND .5 = 0.5", true},
		{"'a' + 'b' = 'ab'", true},
		{"region = 7", nil},
		{"amount / 0 = 1", nil},
		{"amount + region = 1", nil},
		{"missing = 1", nil},
		{"missing <> 1", nil},
		{"NOT missing = 1", nil},
		{"missing = 1 AND 1 = 2", false},
		{"missing = 1 AND 1 = 1", nil},
		{"missing = 1 OR 1 = 1", true},
		{"missing = 1 OR 1 = 2", nil},
		{"missing IS NULL AND none IS NULL AND region IS NOT NULL", true},
		{"missing IS NOT NULL", false},
		{"EXISTS(region) AND NOT EXISTS(missing) AND EXISTS(none)", true},
		{"EXISTS(sys.Label) AND NOT EXISTS(sys.ReplyTo)", true},
		{"region IN ('us', 'eu')", true},
		{"region NOT IN ('us', 'eu')", false},
		{"region IN ('us', missing)", nil},
		{"region IN ('eu', missing)", true},
		{"missing NOT IN ('a')", nil},
		{"amount IN (1, 7.0)", true},
		{"sys.Label LIKE 'order/%' AND sys.label LIKE '%new' AND sys.subject LIKE 'o_der%n_w'", true},
		{"sys.Label NOT LIKE 'order%'", false},
		{"'50%' LIKE '50\\%' ESCAPE '\\' AND NOT '500' LIKE '50\\%' ESCAPE '\\'", true},
		{"missing LIKE 'a'", nil},
		{"amount LIKE '7'", nil},
		{"region LIKE 'eu' ESCAPE 'ab'", nil},
		{"sys.MessageId = 'id-1' AND sys.CorrelationId = 'c-1' AND sys.To = 'store' AND sys.SessionId = 'S' AND sys.ContentType = 'application/json'", true},
		{"sys.ReplyTo = 'x'", nil},
		{"property('region') = 'eu' AND p('amo' + 'unt') = 7", true},
		{"p(1) = 1", nil},
		{"newid() <> newid()", true},
		{"'it''s' = 'it''s'", true},
		{"vip = TRUE AND vip <> FALSE", true},
		{"vip > FALSE", nil},
		{"1 = 1 OR 1 = 1 AND 1 = 2", true},
		{"NOT 1 = 2 AND 1 = 1", true},
		{"region = @r AND amount = @n", true},
	} {
		e, err := parseFilter(c.expression, map[string]any{"@r": "eu", "@n": 7})
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got := e.eval(m); got != c.want {
			t.Errorf("%s is %v, want %v", c.expression, got, c.want)
		}
	}
}

func TestSQLRefusals(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{"", "ends too early"},
		{"a =", "ends too early"},
		{"a = 1 b", "unexpected"},
		{"= 1", "unexpected"},
		{"a = 'x", "not closed"},
		{"[a = 1", "not closed"},
		{"a # b", "unexpected"},
		{"sys.Nope = 1", "no system property"},
		{"other.a = 1", "scope"},
		{"f(1) = 1", "no function"},
		{"a IN ()", "unexpected"},
		{"a IN (1", "ends too early"},
		{"a NOT 1", "unexpected"},
		{"a IS 1", "unexpected"},
		{"a = @p", "has no value"},
		{"and = 1", "unexpected"},
		{"99999999999999999999 = 1", "number"},
		{strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), "nested deeper"},
		{strings.Repeat("NOT ", 200) + "a", "nested deeper"},
		{strings.Repeat("-", 200) + "1 = 1", "nested deeper"},
		{strings.Repeat("a", 1025), "at most 1024"},
	} {
		if _, err := parseFilter(c.expression, nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: error %v, want %q in it", c.expression, err, c.want)
		}
	}
}

func TestActions(t *testing.T) {
	for _, c := range []struct{ action, want string }{
		{"SET tier = 'gold'", "eu 7 gold order/new"},
		{"SET amount = amount * 2; SET region = UPPER", "<nil> 14 <nil> order/new"},
		{"SET Region = 'us', REMOVE amount;", "us <nil> <nil> order/new"},
		{"SET sys.Label = 'l' SET tier = sys.Label", "eu 7 l l"},
		{"REMOVE missing", "eu 7 <nil> order/new"},
	} {
		statements, err := parseAction(c.action)
		if err != nil {
			t.Errorf("%s: %v", c.action, err)
			continue
		}
		m := apply(statements, sample(t))
		region, _ := m.ValueFold("region")
		amount, _ := m.ValueFold("amount")
		tier, _ := m.ValueFold("tier")
		if got := fmt.Sprintf("%v %v %v %v", region, amount, tier, m.Property(amqp.PropertySubject)); got != c.want {
			t.Errorf("%s makes %s, want %s", c.action, got, c.want)
		}
	}
	for _, bad := range []string{"", "SET", "SET a", "SET a =", "REMOVE", "REMOVE sys.Label", "SET sys.MessageId = 'x'", "a = 1", "SET a = 1 =", "SET a = 'x"} {
		if _, err := parseAction(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
	// Statements that double a property again and again stay bounded.
	m := sample(t)
	statements, err := parseAction(strings.Repeat("SET region=region+region ", 40))
	if err != nil {
		t.Fatal(err)
	}
	if m = apply(statements, m); m.Size() > 2*maxText {
		t.Errorf("a message of %d bytes", m.Size())
	}
}

func TestCorrelation(t *testing.T) {
	m := sample(t)
	for _, c := range []struct {
		name string
		f    Correlation
		want bool
	}{
		{"subject", Correlation{Subject: "order/new"}, true},
		{"case matters", Correlation{Subject: "Order/new"}, false},
		{"all fields", Correlation{
			MessageID: "id-1", CorrelationID: "c-1", To: "store", SessionID: "S", ContentType: "application/json",
			Properties: map[string]any{"region": "eu", "amount": int64(7), "vip": true},
		}, true},
		{"one differs", Correlation{Subject: "order/new", Properties: map[string]any{"region": "us"}}, false},
		{"one is missing", Correlation{ReplyTo: "x"}, false},
		{"property is missing", Correlation{Properties: map[string]any{"missing": "x"}}, false},
		{"type differs", Correlation{Properties: map[string]any{"amount": "7"}}, false},
	} {
		r, err := Compile(Rule{Name: "r", Filter: Filter{Kind: ByCorrelation, Correlation: c.f}})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := r.match(m); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := Compile(Rule{Name: "r", Filter: Filter{Kind: ByCorrelation}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty filter: %v", err)
	}
}

func TestRules(t *testing.T) {
	r, err := NewRules(nil)
	if err != nil || len(r.List()) != 1 || r.List()[0].Name != DefaultRule {
		t.Fatalf("%v, %v", r.List(), err)
	}
	m := sample(t)
	if got := r.Select(m); len(got) != 1 || got[0] != m {
		t.Errorf("the default rule selects %v", got)
	}
	if err := r.Add(Rule{Name: "more"}); err != nil {
		t.Error(err)
	}
	if err := r.Add(Rule{Name: "action", Action: "SET a = 1"}); err != nil {
		t.Error(err)
	}
	if got := r.Select(m); len(got) != 2 {
		t.Errorf("%d copies, want one as it is and one changed", len(got))
	}
	if err := r.Add(Rule{Name: "more"}); !errors.Is(err, ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	if err := r.Replace(Rule{Name: "more", Filter: Filter{Kind: None}}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{DefaultRule, "action"} {
		if err := r.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if got := r.Select(m); len(got) != 0 {
		t.Errorf("a false filter selects %v", got)
	}
	if err := r.Remove("action"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if err := r.Replace(Rule{Name: "action"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("replaced what is not there: %v", err)
	}
	if _, err := r.Get("more"); err != nil {
		t.Error(err)
	}
	if err := r.Add(Rule{Name: strings.Repeat("x", 51)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("long name: %v", err)
	}
}

// FuzzSQL: no expression makes the parser or the evaluation panic or hang, and what it
// evaluates to is of a known type.
func FuzzSQL(f *testing.F) {
	for _, s := range []string{
		"region = 'eu' AND amount > 10", "NOT (a IS NULL) OR b NOT IN (1, 2.5e3, 'x') AND c LIKE '%_\\%' ESCAPE '\\'",
		"sys.Label LIKE '%a%a%a%a%b'", "p('region') + newid() <> [a]]b].\"c\"", "-1 % 0 * @p / (2)", "SET a = 1; REMOVE b",
	} {
		f.Add(s)
	}
	m := sample(f)
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := parseFilter(s, map[string]any{"@p": "v"}); err == nil {
			switch v := e.eval(m).(type) {
			case nil, bool, int64, float64, string:
			default:
				t.Errorf("%s is a %T", s, v)
			}
		} else if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v is not ErrInvalid", s, err)
		}
		if statements, err := parseAction(s); err == nil {
			apply(statements, m)
		}
	})
}
