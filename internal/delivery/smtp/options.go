package smtp

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Security says how a connection is kept from being overheard.
type Security string

// The values of tls= in an SMTP_URL. The default is Required when there is a
// password and the relay is another machine, and Offered otherwise.
const (
	Required Security = "required" // STARTTLS or nothing
	Offered  Security = "offered"  // STARTTLS when the relay offers it
	Off      Security = "off"      // in the clear, the password too
	Implicit Security = "implicit" // TLS from the first byte: smtps
)

// ParseURL reads an SMTP_URL:
//
//	smtp://user:password@host:587?tls=required&helo=mail.shop.example&connections=8&rate=100/s
//	smtps://user:password@host
//
// tls is required, offered or off; verify=off trusts any certificate. The
// default port is 465 for smtps, 587 with a user and 25 without. Errors never
// repeat the URL, which may hold a password.
func ParseURL(s string) (Options, error) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return Options{}, errors.New("the SMTP URL is not like smtp://user:password@host:587 (in a password write @ as %40, / as %2F, # as %23, % as %25)")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return Options{}, errors.New("the SMTP URL ends after the host and port; in a password write / as %2F, # as %23")
	}
	o := Options{Host: u.Hostname(), User: u.User.Username()}
	o.Password, _ = u.User.Password()
	if err := o.scheme(u.Scheme); err != nil {
		return Options{}, err
	}
	if o.Port, err = port(u, o); err != nil {
		return Options{}, err
	}
	return o, o.settings(u.Query())
}

func (o *Options) scheme(name string) error {
	switch {
	case name == "smtps":
		o.Security = Implicit
	case name != "smtp":
		return fmt.Errorf("an SMTP URL begins with smtp:// or smtps://, not %s://", name)
	case o.Password != "" && !loopback(o.Host):
		o.Security = Required
	default:
		o.Security = Offered
	}
	return nil
}

func port(u *url.URL, o Options) (int, error) {
	switch {
	case u.Port() != "":
		p, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || p == 0 {
			return 0, fmt.Errorf("the SMTP URL's port %s is not between 1 and 65535", u.Port())
		}
		return int(p), nil
	case o.Security == Implicit:
		return 465, nil
	case o.User != "":
		return 587, nil
	}
	return 25, nil
}

// settings reads what follows the question mark.
func (o *Options) settings(q url.Values) error {
	for key, values := range q {
		if err := o.setting(key, values[len(values)-1]); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) setting(key, value string) error {
	switch key {
	case "tls":
		s := Security(value)
		if o.Security == Implicit || s != Required && s != Offered && s != Off {
			return errors.New("the SMTP URL's tls is required, offered or off, and only with smtp://")
		}
		o.Security = s
	case "verify":
		if value != "off" {
			return errors.New("the SMTP URL's verify can only be off")
		}
		o.AnyCertificate = true
	case "helo":
		if !helloName(value) {
			return errors.New("the SMTP URL's helo is not a host name")
		}
		o.Hello = value
	case "connections":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 1000 {
			return errors.New("the SMTP URL's connections is a number from 1 to 1000")
		}
		o.Connections = n
	case "rate":
		rate, err := loyalty.ParseRate(value)
		if err != nil {
			return fmt.Errorf("the SMTP URL's rate: %w", err)
		}
		o.Rate = rate
	default:
		return errors.New("an SMTP URL takes tls, verify, helo, connections and rate, nothing else")
	}
	return nil
}

func helloName(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// loopback reports hosts whose traffic never leaves the machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Options describe a relay. Host and Port are needed, the rest has defaults.
type Options struct {
	Host           string
	Port           int
	User, Password string
	Security       Security // "": Offered
	AnyCertificate bool
	Hello          string // our name in EHLO; "": this machine's

	Connections   int           // at most, for all lanes; 0: 12
	Rate          loyalty.Rate  // mails at most, of all processes together; zero: no limit. It is the caller's to keep
	PerConnection int           // mails before a connection is renewed; 0: 500
	KeepIdle      time.Duration // an unused connection is closed after it; 0: 30 s
	Deadlines     Deadlines

	Setting string // that names the relay, for whoever is to mend it; "": SMTP_URL

	Now func() time.Time // machine time for the breaker; nil: time.Now
	Log *slog.Logger     // hears of the relay going away and coming back; nil: nobody
	TLS *tls.Config      // nil: the system's authorities
}

// Deadlines are how long each stage may take; zero fields have the value of RFC
// 5321, section 4.5.3.2, where it names one.
type Deadlines struct {
	Dial   time.Duration // TCP; 30 s
	Banner time.Duration // TLS and the first 220; 5 min
	Hello  time.Duration // EHLO and STARTTLS; 5 min
	Auth   time.Duration // 5 min
	Mail   time.Duration // and RSET; 5 min
	Rcpt   time.Duration // 5 min
	Data   time.Duration // up to the 354; 2 min
	Block  time.Duration // each 32 KB of the body; 3 min
	Dot    time.Duration // the answer to the final dot; 10 min
	Quit   time.Duration // 5 s
}

// kept is how many connections urgent mails alone may use. One is enough: the next that
// is free is theirs, too, and with many that is soon.
func (o Options) kept() int { return min(1, o.Connections/4) }

func (o Options) name() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

func (o *Options) defaults() {
	o.Security = cmp.Or(o.Security, Offered)
	o.Hello = cmp.Or(o.Hello, machineName())
	o.Connections = cmp.Or(o.Connections, 12)
	o.PerConnection = cmp.Or(o.PerConnection, 500)
	o.KeepIdle = cmp.Or(o.KeepIdle, 30*time.Second)
	o.Setting = cmp.Or(o.Setting, "SMTP_URL")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &o.Deadlines
	d.Dial = cmp.Or(d.Dial, 30*time.Second)
	d.Banner = cmp.Or(d.Banner, 5*time.Minute)
	d.Hello = cmp.Or(d.Hello, 5*time.Minute)
	d.Auth = cmp.Or(d.Auth, 5*time.Minute)
	d.Mail = cmp.Or(d.Mail, 5*time.Minute)
	d.Rcpt = cmp.Or(d.Rcpt, 5*time.Minute)
	d.Data = cmp.Or(d.Data, 2*time.Minute)
	d.Block = cmp.Or(d.Block, 3*time.Minute)
	d.Dot = cmp.Or(d.Dot, 10*time.Minute)
	d.Quit = cmp.Or(d.Quit, 5*time.Second)
}

// machineName is what we call ourselves when nobody says otherwise.
func machineName() string {
	if name, err := os.Hostname(); err == nil && helloName(name) {
		return name
	}
	return "[127.0.0.1]"
}
