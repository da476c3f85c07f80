package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	mailsmtp "github.com/wneessen/go-mail/smtp"

	"regulars/internal/delivery"
)

// conn is one connection to the relay, past EHLO and AUTH.
type conn struct {
	replies
	client *mailsmtp.Client
	raw    net.Conn // under the TLS: closing it ends everything at once
	d      Deadlines

	pipelining, eightBit, utf8 bool // offered

	most    int         // mails it may carry
	mails   int         // carried
	said    []command   // of the envelope of the next mail, still to be answered
	buffer  []byte      // of what is written in one piece
	dirty   bool        // a transaction was refused half-way: RSET before the next
	open    bool        // the relay waits for the body of a mail that it refused
	parting bool        // QUIT is said
	works   atomic.Bool // a mail of its was taken
	broken  bool        // of no further use
	aging   *time.Timer // runs while the connection waits for a mail
}

// command is one line to the relay.
type command struct {
	line  string
	stage delivery.Stage
	wait  time.Duration
}

func newConn(o Options) *conn {
	return &conn{d: o.Deadlines, most: o.PerConnection, replies: replies{o.Password}}
}

// greet dials, secures, says EHLO and authenticates.
func (c *conn) greet(ctx context.Context, o Options) (delivery.Stage, error) {
	raw, err := (&net.Dialer{Timeout: c.d.Dial}).DialContext(ctx, "tcp", o.name())
	if err != nil {
		return delivery.StageConnect, err
	}
	c.raw = raw
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	if err := c.hello(o); err != nil {
		return delivery.StageConnect, err
	}
	if err := c.authenticate(o); err != nil {
		return delivery.StageAuth, err
	}
	return delivery.StageDone, nil
}

// hello brings the connection to where mails, or AUTH, may come.
func (c *conn) hello(o Options) (err error) {
	c.raw.SetDeadline(time.Now().Add(c.d.Banner))
	wire := c.raw
	if o.Security == Implicit {
		wire = tls.Client(c.raw, o.tls())
	}
	if c.client, err = mailsmtp.NewClient(wire, o.Host); err != nil {
		return err
	}
	if err := c.within(c.d.Hello, func() error { return c.client.Hello(o.Hello) }); err != nil {
		return err
	}
	offered, _ := c.client.Extension("STARTTLS")
	switch {
	case o.Security == Required && !offered:
		return errors.New("the relay offers no STARTTLS, and tls=required")
	case offered && (o.Security == Required || o.Security == Offered):
		err = c.within(c.d.Hello, func() error { return c.client.StartTLS(o.tls()) })
	}
	c.pipelining, _ = c.client.Extension("PIPELINING")
	c.eightBit, _ = c.client.Extension("8BITMIME")
	c.utf8, _ = c.client.Extension("SMTPUTF8")
	return err
}

// authenticate by PLAIN or else LOGIN; both need TLS, a relay on this machine, or
// tls=off, which says that the password may go in the clear.
func (c *conn) authenticate(o Options) error {
	if o.User == "" {
		return nil
	}
	_, list := c.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(list))
	clear := o.Security == Off || loopback(o.Host)
	for _, m := range mechanisms {
		switch m {
		case "PLAIN":
			return c.auth(mailsmtp.PlainAuth("", o.User, o.Password, o.Host, clear))
		case "LOGIN":
			return c.auth(mailsmtp.LoginAuth(o.User, o.Password, o.Host, clear))
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

func (o Options) tls() *tls.Config {
	config := &tls.Config{}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.InsecureSkipVerify = config.InsecureSkipVerify || o.AnyCertificate
	if config.ServerName == "" {
		config.ServerName = o.Host
	}
	return config
}

// quit says good-bye and does not mind the answer.
func (c *conn) quit(d time.Duration) {
	c.raw.SetDeadline(time.Now().Add(d))
	if c.parting || c.client.Text.PrintfLine("QUIT") == nil {
		c.client.Text.ReadResponse(221)
		c.raw.SetDeadline(time.Now().Add(min(d, time.Second)))
		c.client.Text.R.ReadByte() // the relay closes: then it no longer counts this one as ours
	}
}
