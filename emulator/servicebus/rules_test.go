package servicebus_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/Azure/go-amqp"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// manage sends one request to the $management node of an entity, as the clients that
// manage rules do (the Go client does not).
func manage(ctx context.Context, t testing.TB, s *servicebustest.Server, entity, operation string, body map[string]any) (int32, any) {
	t.Helper()
	conn, err := amqp.Dial(ctx, "amqp://"+s.Addr.String(), &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	must(t, err)
	defer conn.Close()
	session, err := conn.NewSession(ctx, nil)
	must(t, err)
	settled := amqp.SenderSettleModeSettled
	r, err := session.NewReceiver(ctx, entity+"/$management", &amqp.ReceiverOptions{TargetAddress: "me", RequestedSenderSettleMode: &settled, Credit: 1})
	must(t, err)
	snd, err := session.NewSender(ctx, entity+"/$management", nil)
	must(t, err)
	to := "me"
	must(t, snd.Send(ctx, &amqp.Message{
		Properties:            &amqp.MessageProperties{MessageID: "1", ReplyTo: &to},
		ApplicationProperties: map[string]any{"operation": "com.microsoft:" + operation},
		Value:                 body,
	}, nil))
	m, err := r.Receive(ctx, nil)
	must(t, err)
	return m.ApplicationProperties["status-code"].(int32), m.Value
}

type composite struct {
	code   uint64
	fields []any
}

// described reads a described list, whose type the client library keeps to itself.
func described(v any) composite {
	e := reflect.Indirect(reflect.ValueOf(v))
	fields, _ := reflect.TypeAssert[[]any](e.FieldByName("Value"))
	return composite{e.FieldByName("Descriptor").Interface().(uint64), fields}
}

func TestRulesAreManaged(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{
		Queues: []servicebus.Queue{{Name: "q"}},
		Topics: []servicebus.Topic{{Name: "t", Subscriptions: []servicebus.Subscription{{Name: "s"}}}},
	})
	ctx := within(t, 10*time.Second)
	const sub = "t/Subscriptions/s"
	sql := map[string]any{"rule-name": "sql", "rule-description": map[string]any{
		"rule-name": "sql", "sql-filter": map[string]any{"expression": "n > 1"},
		"sql-rule-action": map[string]any{"expression": "SET seen = TRUE"},
	}}
	correlation := map[string]any{"rule-name": "corr", "rule-description": map[string]any{
		"correlation-filter": map[string]any{"label": "l", "properties": map[string]any{"n": int64(1)}},
	}}
	for _, c := range []struct {
		name, entity, op string
		body             map[string]any
		code             int32
	}{
		{"add sql", sub, "add-rule", sql, 200},
		{"add it again", sub, "add-rule", sql, 409},
		{"add correlation", sub, "add-rule", correlation, 200},
		{"remove the default", sub, "remove-rule", map[string]any{"rule-name": "$Default"}, 200},
		{"remove it again", sub, "remove-rule", map[string]any{"rule-name": "$Default"}, 404},
		{"bad expression", sub, "add-rule", map[string]any{"rule-name": "bad", "rule-description": map[string]any{"sql-filter": map[string]any{"expression": "n >"}}}, 400},
		{"no filter", sub, "add-rule", map[string]any{"rule-name": "bad", "rule-description": map[string]any{}}, 400},
		{"no description", sub, "add-rule", map[string]any{"rule-name": "bad"}, 400},
		{"of a queue", "q", "add-rule", sql, 400},
		{"past the end", sub, "enumerate-rules", map[string]any{"skip": int32(2), "top": int32(10)}, 204},
		{"without top", sub, "enumerate-rules", map[string]any{}, 400},
	} {
		if code, body := manage(ctx, t, s, c.entity, c.op, c.body); code != c.code {
			t.Errorf("%s: %d, want %d (%v)", c.name, code, c.code, body)
		}
	}
	code, body := manage(ctx, t, s, sub, "enumerate-rules", map[string]any{"skip": int32(0), "top": int32(10)})
	if code != 200 {
		t.Fatalf("enumerate: %d", code)
	}
	rules := body.(map[string]any)["rules"].([]any)
	if len(rules) != 2 {
		t.Fatalf("%d rules", len(rules))
	}
	for i, want := range []string{
		// name, filter and its first field, action
		"sql 1370000006 n > 1 13700000006",
		"corr 1370000009 <nil> 13700000005",
	} {
		d := described(rules[i].(map[string]any)["rule-description"])
		if d.code != 0x13700000004 {
			t.Errorf("descriptor %x", d.code)
		}
		f, a := described(d.fields[0]), described(d.fields[1])
		if got := fmt.Sprintf("%v %x %v %x", d.fields[2], f.code, f.fields[0], a.code); got != want {
			t.Errorf("rule %d: %s, want %s", i, got, want)
		}
	}
	// The new rules are in force.
	c := connect(t, s)
	send(ctx, t, sender(t, c, "t"), "no property")
	if st := stats(t, s, sub); st.Sent != 0 {
		t.Errorf("%+v", st)
	}
}
