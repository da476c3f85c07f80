// Package compose puts a rendered mail into an envelope: a Letter becomes the
// bytes of an RFC 5322 message through go-mail.
//
// Build does that for one letter. Compile does it once for all letters of a mail and
// cuts the message where something of a member's own stands; Fill puts that in:
//
//	Auto-Submitted, From, … as go-mail wrote them
//	Date, Message-ID, Subject, To, List-Unsubscribe   encoded and folded as go-mail does it
//	--boundary, the heads of the parts                as go-mail wrote them, with the letter's boundary
//	text, HTML                                        escaped by templates, here broken into lines
//
// It promises that the same Letter always gives the same bytes, so that a second
// copy of a send can be recognised; that no value can begin a header of its own;
// that lines end in CRLF and stay below 998 bytes; and that every mail but those
// of class service carries one-click unsubscribe (RFC 8058). What a mail says is
// left to templates, handing it over and dot-stuffing to the transport.
package compose
