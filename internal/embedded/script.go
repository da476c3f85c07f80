package embedded

// Stage is a point of the SMTP conversation at which the sink gives an answer.
type Stage string

// The stages, in their usual order.
const (
	AtConnect  Stage = "connect" // the banner
	AtHello    Stage = "hello"   // EHLO or HELO
	AtStartTLS Stage = "starttls"
	AtAuth     Stage = "auth"
	AtMail     Stage = "mail"
	AtRcpt     Stage = "rcpt"
	AtData     Stage = "data" // before the 354
	AtBody     Stage = "body" // the first line of the body has come; only Drop and Hang count here
	AtDot      Stage = "dot"
	AtReset    Stage = "rset"
	AtNoop     Stage = "noop"
	AtQuit     Stage = "quit"
)

// Reply is how the sink behaves at one stage. The zero Reply is what a friendly
// server does. Mails that are refused, dropped or left hanging are not kept,
// unless Keep says so.
type Reply struct {
	Code int    // answer with this code instead
	Text string // and these words, the enhanced code included: "5.1.1 no such user"; \n makes lines
	Drop bool   // close the connection without a word
	Hang bool   // never answer; the connection ends with the client or the sink
	Keep bool   // at AtDot: the mail counts as received all the same
}

// friendly reports whether the sink answers as it would without a script.
func (r Reply) friendly() bool { return r.Code == 0 && !r.Drop && !r.Hang }

// Script says how the sink behaves at a stage. rcpt is the recipient of the mail
// under way, empty before RCPT. It is called from many connections at once.
type Script func(stage Stage, rcpt string) Reply
