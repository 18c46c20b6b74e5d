package event

// DeadLetter is a delivery that was refused for good: by its function, which keeps it in
// storage, or by the broker after the last of its deliveries. Body is kept whole, to be
// sent again.
type DeadLetter struct {
	V        int    `json:"v"`
	Function string `json:"function"` // and queue, if a queue feeds it
	ID       string `json:"id"`       // of the message or event
	RunID    string `json:"run_id"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	Body     []byte `json:"body"`
	Place    string `json:"-"` // of the record in storage; empty for one in a queue
}
