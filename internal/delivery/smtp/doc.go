// Package smtp is the transport over a relay: it keeps connections, speaks one
// transaction per mail with a deadline per stage (RFC 5321, section 4.5.3.2) and
// says exactly how far each mail came.
//
// It promises that a mail is never handed over twice by one call, that a mail
// whose final dot was answered 250 is sent whatever happens after, and that a
// mail on the wire is brought to its end when the caller's context is over. When
// the relay is away a breaker spares it: calls return at once and touch nothing. One
// that only limits connections is used at its limit.
//
// A relay that offers PIPELINING (RFC 2920) costs one round trip a mail: the body goes
// out in one piece with the envelope of the mail that waits for the connection next, and
// the last one of a connection with its QUIT.
//
//	we:    MAIL 1, RCPT 1, DATA      body 1, MAIL 2, RCPT 2, DATA      body 2 …
//	relay:            250, 250, 354              250, 250, 250, 354
//
// Nothing of mail 2 can be taken before its body, so that the line may break at any
// point and only the mail whose body was under way is unknown; its begin is asked
// after its own 354.
//
// What an outcome means is left to delivery.Outcome.Verdict, building the bytes
// to compose. Dialing, TLS, EHLO and AUTH are go-mail's; the transaction itself
// is driven here, since a single time-out around all of it cannot tell a mail
// that was refused from one that was perhaps taken.
package smtp
