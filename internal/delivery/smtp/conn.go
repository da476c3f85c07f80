package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	mailsmtp "github.com/wneessen/go-mail/smtp"

	"regulars/internal/delivery"
)

// conn is one connection to the relay, past EHLO and AUTH.
type conn struct {
	client *mailsmtp.Client
	raw    net.Conn // under the TLS: closing it ends everything at once
	d      Deadlines
	secret string // the password, kept out of what we quote

	pipelining, eightBit, utf8 bool // offered

	mails  int         // carried
	dirty  bool        // a transaction was refused half-way: RSET before the next
	broken bool        // of no further use
	aging  *time.Timer // runs while the connection waits for a mail
}

// dial makes a connection ready for mails, or says at which stage it could not.
// The end of ctx, or of the pool, ends the attempt.
func (r *Relay) dial(ctx context.Context) (*conn, delivery.Outcome) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.pool.base, cancel)()
	c := &conn{d: r.o.Deadlines, secret: r.o.Password}
	stage, err := r.greet(ctx, c)
	if err == nil {
		r.pool.add(c)
		return c, delivery.Outcome{}
	}
	if c.raw != nil {
		c.raw.Close()
	}
	if ctx.Err() != nil {
		return nil, withheld(stage, ctx.Err())
	}
	return nil, c.refusal(stage, err)
}

// greet dials, secures, says EHLO and authenticates.
func (r *Relay) greet(ctx context.Context, c *conn) (delivery.Stage, error) {
	raw, err := (&net.Dialer{Timeout: c.d.Dial}).DialContext(ctx, "tcp", r.o.name())
	if err != nil {
		return delivery.StageConnect, err
	}
	c.raw = raw
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	if err := r.hello(c); err != nil {
		return delivery.StageConnect, err
	}
	if err := r.authenticate(c); err != nil {
		return delivery.StageAuth, err
	}
	return delivery.StageDone, nil
}

// hello brings the connection to where mails, or AUTH, may come.
func (r *Relay) hello(c *conn) (err error) {
	c.raw.SetDeadline(time.Now().Add(c.d.Banner))
	wire := c.raw
	if r.o.Security == Implicit {
		wire = tls.Client(c.raw, r.tls())
	}
	if c.client, err = mailsmtp.NewClient(wire, r.o.Host); err != nil {
		return err
	}
	if err := c.within(c.d.Hello, func() error { return c.client.Hello(r.o.Hello) }); err != nil {
		return err
	}
	offered, _ := c.client.Extension("STARTTLS")
	switch {
	case r.o.Security == Required && !offered:
		return errors.New("the relay offers no STARTTLS, and tls=required")
	case offered && (r.o.Security == Required || r.o.Security == Offered):
		err = c.within(c.d.Hello, func() error { return c.client.StartTLS(r.tls()) })
	}
	c.pipelining, _ = c.client.Extension("PIPELINING")
	c.eightBit, _ = c.client.Extension("8BITMIME")
	c.utf8, _ = c.client.Extension("SMTPUTF8")
	return err
}

// authenticate by PLAIN or else LOGIN; both need TLS, a relay on this machine, or
// tls=off, which says that the password may go in the clear.
func (r *Relay) authenticate(c *conn) error {
	if r.o.User == "" {
		return nil
	}
	_, list := c.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(list))
	clear := r.o.Security == Off || loopback(r.o.Host)
	for _, m := range mechanisms {
		switch m {
		case "PLAIN":
			return c.auth(mailsmtp.PlainAuth("", r.o.User, r.o.Password, r.o.Host, clear))
		case "LOGIN":
			return c.auth(mailsmtp.LoginAuth(r.o.User, r.o.Password, r.o.Host, clear))
		}
	}
	return fmt.Errorf("there is a user, but the relay offers neither AUTH PLAIN nor LOGIN")
}

func (c *conn) auth(a mailsmtp.Auth) error {
	return c.within(c.d.Auth, func() error { return c.client.Auth(a) })
}

// within gives one step its deadline.
func (c *conn) within(d time.Duration, step func() error) error {
	if err := c.client.UpdateDeadline(d); err != nil {
		return err
	}
	return step()
}

func (r *Relay) tls() *tls.Config {
	config := &tls.Config{}
	if r.o.TLS != nil {
		config = r.o.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.InsecureSkipVerify = config.InsecureSkipVerify || r.o.AnyCertificate
	if config.ServerName == "" {
		config.ServerName = r.o.Host
	}
	return config
}

// quit says good-bye and does not mind the answer.
func (c *conn) quit(d time.Duration) {
	c.raw.SetDeadline(time.Now().Add(d))
	if c.client.Text.PrintfLine("QUIT") == nil {
		c.client.Text.ReadResponse(221)
	}
}
