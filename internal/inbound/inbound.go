// Package inbound takes the mails that come to our bounce domain: reports of mail
// servers, complaints, and people who ask for no more by mail.
//
// It promises that only mails to our own addresses are taken, within limits on size,
// time and connections; that a mail is answered 250 only when what it tells is stored;
// and that nothing is ever sent. What a mail means is left to whoever Takes it.
package inbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"regulars/internal/bounce"
)

// Limits of the door.
const (
	most       = 50 // connections at once
	recipients = 10 // of one mail
	patience   = time.Minute
)

// Door listens for mails.
type Door struct {
	Domain  string
	Accepts func(to string) bool                                     // whether an address is ours
	Takes   func(ctx context.Context, raw []byte, to []string) error // stores what a mail tells; an error is answered 451
	Local   bool                                                     // LMTP (RFC 2033), from the mail server of the house, instead of SMTP
	Log     *slog.Logger

	open atomic.Int64
}

// Run takes mails until ctx ends.
func (d *Door) Run(ctx context.Context, listener net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return d.session(ctx) }))
	server.Domain = d.Domain
	server.ReadTimeout, server.WriteTimeout = patience, patience
	server.MaxMessageBytes, server.MaxRecipients, server.MaxLineLength = bounce.MaxSize, recipients, 4000
	server.ErrorLog, server.LMTP = quiet{}, d.Local
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("taking mails: %w", err)
	}
	return nil
}

func (d *Door) session(ctx context.Context) (smtp.Session, error) {
	if d.open.Add(1) > most {
		d.open.Add(-1)
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Too many connections; try again"}
	}
	return &session{door: d, ctx: ctx}, nil
}

// session is one conversation.
type session struct {
	door *Door
	ctx  context.Context
	to   []string
}

// Mail is of smtp.Session: who sends does not matter.
func (s *session) Mail(string, *smtp.MailOptions) error { s.to = nil; return nil }

// Rcpt is of smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.door.Accepts(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here"}
	}
	s.to = append(s.to, to)
	return nil
}

// Data is of smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	if err := s.door.Takes(ctx, raw, s.to); err != nil {
		if !errors.Is(err, context.Canceled) {
			s.door.Log.Warn("a mail that came in is not taken; its server will try again", "err", err)
		}
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
	}
	return nil
}

// Reset is of smtp.Session.
func (s *session) Reset() { s.to = nil }

// Logout is of smtp.Session.
func (s *session) Logout() error { s.door.open.Add(-1); return nil }

// quiet drops what strangers do wrong.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
