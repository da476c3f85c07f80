// Package embedded is what makes Regulars run on a bare machine: a Redis in the
// process, an SMTP server on loopback that keeps what it is given, and the pages
// to look at those mails.
//
// The Redis forgets everything when the process ends, which the rest of the
// house is built for. The sink hands nothing on to anybody; it is a real SMTP
// server, so what leaves here has been through the same conversation as with a
// relay, and tests tell it how to misbehave. The pages change nothing.
package embedded
