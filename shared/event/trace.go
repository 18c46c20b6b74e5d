package event

import "context"

type traceKey struct{}

// WithTraceParent carries the W3C traceparent of the delivery that is being handled, so
// that every message sent on its behalf belongs to the same trace.
func WithTraceParent(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// TraceParent returns what WithTraceParent stored, or "".
func TraceParent(ctx context.Context) string {
	s, _ := ctx.Value(traceKey{}).(string)
	return s
}
