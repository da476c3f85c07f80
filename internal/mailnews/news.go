// Package mailnews reads what the world tells of mails that went out: that one
// arrived, came back, was called spam. Mail providers post it, each a row of the table
// Providers with the way it signs and writes; mail servers send it as mails.
//
// It promises that nothing is read of a delivery that nobody signed, that one bad
// event does not stop the others, that what is news twice has the same id, and that an
// address is called dead only where a code or the provider's own word for it says so.
// What follows for the send and its member is left to delivery.
package mailnews

import (
	"regexp"
	"time"
	"unicode/utf8"

	"regulars/internal/bounce"
)

// What is told of a mail.
type What string

// What may be told. Anything else (an open that a provider counted, a delay) is
// Nothing, and noted with its word.
const (
	Delivered  What = "delivered"
	Bounced    What = "bounced"
	Complained What = "complained"
	OptedOut   What = "opted out"
	Nothing    What = "nothing"
)

// News is what is told of one mail and one recipient.
type News struct {
	Source string // ses, sendgrid …, mail
	ID     string // of the event, unique in its source
	What   What
	Word   string // the sender's own for it
	At     time.Time

	Address string // whom it is about, "" when nobody whom we believe says so
	Status  string // RFC 3463, of a bounce; "": none
	Gone    bool   // of a bounce: whoever we believe says that the address is dead
	Words   string // of the server that refused it

	Marks []string // Message-IDs and envelope senders of the mail, some of which may be ours

	Token string // signed instead of the event, which nothing else than this one event may come with; "": the event is signed
}

// What one piece of news may hold.
const (
	maxID    = 200
	maxWords = 500
	maxMarks = 40
)

var anAddress = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// tidy keeps news within bounds, and addresses out of its words.
func (n News) tidy() News {
	n.ID, n.Word = cut(n.ID, maxID), cut(n.Word, 60)
	n.Words = cut(anAddress.ReplaceAllString(n.Words, "…"), maxWords)
	if len(n.Marks) > maxMarks {
		n.Marks = n.Marks[:maxMarks]
	}
	if n.What == Bounced && n.Status == "" {
		n.Status = bounce.InText(n.Words)
	}
	return n
}

func cut(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return s
}
