// Package smtp is the transport over a relay: it keeps connections, speaks one
// transaction per mail with a deadline per stage (RFC 5321, section 4.5.3.2) and
// says exactly how far each mail came.
//
// It promises that a mail is never handed over twice by one call, that a mail
// whose final dot was answered 250 is sent whatever happens after, and that a
// mail on the wire is brought to its end when the caller's context is over. When
// the relay is away a breaker spares it: calls return at once and touch nothing.
//
// What an outcome means is left to delivery.Outcome.Verdict, building the bytes
// to compose. Dialing, TLS, EHLO and AUTH are go-mail's; the transaction itself
// is driven here, since a single time-out around all of it cannot tell a mail
// that was refused from one that was perhaps taken.
package smtp
