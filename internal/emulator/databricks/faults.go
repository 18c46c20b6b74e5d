package databricks

import (
	"net/http"
	"sync"
)

// faults are troubles of the service that tests ask for.
type faults struct {
	mu     sync.Mutex
	failN  int
	status int
	dropN  int
}

// FailNext answers the next n API requests with an HTTP status such as 500 or 503.
func (s *Server) FailNext(n, status int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.failN, s.faults.status = n, status
}

// DropNext carries out the next n API requests and drops the connection instead of
// answering: the client cannot know whether its run was started.
func (s *Server) DropNext(n int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.dropN = n
}

func (f *faults) next() (status int, drop bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failN > 0:
		f.failN--
		return f.status, false
	case f.dropN > 0:
		f.dropN--
		return 0, true
	}
	return 0, false
}

// withFaults stands before the API.
func (s *Server) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, drop := s.faults.next()
		switch {
		case status != 0:
			code := "INTERNAL_ERROR"
			if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
				code = "TEMPORARILY_UNAVAILABLE"
			}
			answerError(w, status, code, http.StatusText(status))
		case drop:
			next.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler) // the only way to drop a connection from a handler
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// discard swallows an answer.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
