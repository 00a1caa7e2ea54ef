package sender

// The daemon's Unix socket speaks lines of JSON. A connection carries one request and its
// answers, and the daemon closes it after the last one.
//
//	{"op":"submit","channel":"docs","paths":["/abs/a","/abs/b"],"wait":true}
//	  ← {"path":"/abs/a","id":"1-…","state":"queued","bytes":0,"total":123,"pass":0,"passes":1}
//	  ← … with wait: one each time something changed, until every path is sent, aborted or refused
//	{"op":"status"}
//	  ← one Status
//
//	{"op":"queue","channel":"docs"}              ← one Queue
//	{"op":"show","id":"1-…"}                     ← one Details
//	{"op":"outbox","channel":"docs"}             ← one Outboxes
//	{"op":"cancel","id":"1-…","reason":"…"}      ← one Entry
//	{"op":"hold","id":"1-…"} or a channel's name ← one Entry or ChannelStatus; resume likewise
//	{"op":"resend","id":"1-…"}                   ← one Entry
//	{"op":"priority","id":"1-…","class":"bulk"}  ← one Entry
//	{"op":"plan","channel":"docs","paths":["/a"]} ← one PlanAnswer
//	{"op":"repair","ticket":"…"}
//	  ← as a submit that waits: queued, sending, and at last sent or "not repaired" with an error
//	{"op":"confirm","code":"…"}
//	  ← one Confirmation
//	{"op":"unconfirmed"}
//	  ← a Confirmation for each transfer that is sent and not confirmed, the oldest first
//
// A request that cannot be served is answered by {"error":"…"} alone.

// Operations of a Request.
const (
	OpSubmit = "submit"
	OpStatus = "status"

	OpQueue    = "queue"
	OpShow     = "show"
	OpOutbox   = "outbox"
	OpCancel   = "cancel"
	OpHold     = "hold"
	OpResume   = "resume"
	OpResend   = "resend"
	OpPriority = "priority"
	OpPlan     = "plan"
)

// Request is what a client asks.
type Request struct {
	Op      string   `json:"op"`
	Channel string   `json:"channel,omitempty"` // name or number; "" if there is only one
	Paths   []string `json:"paths,omitempty"`   // absolute; each becomes one transfer
	Wait    bool     `json:"wait,omitempty"`    // answer until all are finished
	ID      string   `json:"id,omitempty"`      // of a transfer; hold and resume take a channel too
	Class   string   `json:"class,omitempty"`   // of priority
	Reason  string   `json:"reason,omitempty"`  // of cancel, for people on both sides
	Ticket  string   `json:"ticket,omitempty"`  // repair: as it was typed
	All     bool     `json:"all,omitempty"`     // repair: every repair symbol of the blocks too
	Code    string   `json:"code,omitempty"`    // confirm: the receipt code as it was typed
}

// Progress is one answer to a submit: where the transfer of one path is.
type Progress struct {
	Source string `json:"path,omitempty"` // the path that was submitted
	ID     string `json:"id,omitempty"`
	State  State  `json:"state,omitempty"`
	Bytes  uint64 `json:"bytes"` // octets of content sent in this pass
	Total  uint64 `json:"total"` // octets of content
	Pass   int    `json:"pass"`  // under way or last done, from 1; 0 before the first
	Passes int    `json:"passes"`
	Error  string `json:"error,omitempty"` // why it was aborted or refused, or the request was
}

// progress of a flight that was submitted as source.
func (f *flight) progressOf(source string) Progress {
	st := f.status()
	text := st.Error
	if st.Path != "" {
		text = st.Path + ": " + text
	}
	return Progress{
		Source: source, ID: st.ID, State: st.State, Bytes: st.Bytes, Total: st.Total,
		Pass: st.Pass, Passes: st.Passes, Error: text,
	}
}
