package console

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// visitor is who asks.
type visitor struct {
	name    string // as pages show it; "": nobody has signed in
	role    staff.Role
	here    bool // at the machine itself, on the embedded default
	session string

	chosen   bool  // a password
	passkeys int64 // how many they have
}

// by is how the visitor stands in the audit and beside what they did.
func (u visitor) by() string { return "console: " + u.name }

// people reports whether the visitor may see who members are.
func (u visitor) people() bool { return u.role.May(staff.Marketer) }

// visitor finds out who asks.
func (c *Console) visitor(r *http.Request) (visitor, error) {
	if c.Open && fromHere(r) {
		return visitor{name: "this machine", role: staff.Admin, here: true}, nil
	}
	cookie, err := r.Cookie(c.cookie(r))
	if err != nil {
		return visitor{}, nil
	}
	u, err := c.signIn.Who(r.Context(), cookie.Value)
	if errors.Is(err, store.ErrNotFound) {
		return visitor{}, nil
	}
	return visitor{name: u.Email, role: u.Role, session: cookie.Value, chosen: u.Chosen, passkeys: u.Passkeys}, err
}

// fromHere reports whether a request comes from this machine, to a name of it: a page
// elsewhere whose name leads here is not meant, nor what a proxy hands on.
func fromHere(r *http.Request) bool {
	for _, told := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via"} {
		if r.Header.Get(told) != "" {
			return false
		}
	}
	return loopback(hostOf(r.RemoteAddr)) && loopback(hostOf(r.Host))
}

// hostOf is host:port without the port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// secure reports whether browsers reach this over https, so that cookies may be kept to
// it: they do everywhere but beside the built-in inbox.
func (c *Console) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(c.Base, "https://")
}

// cookie is the name of the session's cookie. The prefix keeps it to this one host.
func (c *Console) cookie(r *http.Request) string {
	if c.secure(r) {
		return "__Host-regulars"
	}
	return "regulars"
}

// keep gives the browser a session; "" takes it away.
func (c *Console) keep(w http.ResponseWriter, r *http.Request, session string) {
	kept := &http.Cookie{Name: c.cookie(r), Value: session, Path: "/", HttpOnly: true, Secure: c.secure(r), SameSite: http.SameSiteLaxMode}
	if session == "" {
		kept.MaxAge = -1
	}
	http.SetCookie(w, kept)
}

// originOf is scheme://host of an address.
func originOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Scheme + "://" + u.Host
}
