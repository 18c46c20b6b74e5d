package azfunc

import (
	"context"
	"log/slog"
	"regexp"
)

type attrsKey struct{}

func withAttrs(ctx context.Context, attrs []slog.Attr) context.Context {
	return context.WithValue(ctx, attrsKey{}, attrs)
}

// LogHandler adds function, invocation, message and run to every record that is logged
// with the context of an invocation. The host does not link console lines to invocations,
// so this is the only thread through a log.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		r = r.Clone()
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name)}
}

// traceParentForm is version 00 of https://www.w3.org/TR/trace-context/#traceparent-header.
var traceParentForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// validTraceParent keeps what a stranger put into a property out of our own messages.
func validTraceParent(s string) bool {
	return traceParentForm.MatchString(s) &&
		s[3:35] != "00000000000000000000000000000000" && s[36:52] != "0000000000000000"
}
