package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/delivery/smtp"
	"regulars/internal/store"
	"regulars/internal/webhook"
	"regulars/jobs"
)

// percentCodes is what to do about a password that an address cannot hold as it is.
const percentCodes = "in a password write @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25, and other signs as their codes, too"

// passwordInPlace says when an address was cut at a wrong place: what follows the
// host then is a part of a password. It never repeats any of it.
func passwordInPlace(address string) error {
	_, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		return nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	at := strings.LastIndexByte(host, '@')
	user := host[:max(at, 0)]
	_, err := url.Parse("x://" + user + "@host")
	if strings.ContainsAny(rest[end:], "@#") || at >= 0 && err != nil {
		return errors.New("can't be taken apart: " + percentCodes)
	}
	return nil
}

func databaseAddress(v string) error {
	if err := passwordInPlace(v); err != nil {
		return err
	}
	return store.CheckAddress(v)
}

func redisAddress(v string) error {
	if err := passwordInPlace(v); err != nil {
		return err
	}
	return jobs.CheckAddress(v)
}

func relayAddress(v string) error {
	if v == inbox {
		return nil
	}
	if err := passwordInPlace(v); err != nil {
		return err
	}
	if _, err := smtp.ParseURL(v); err != nil {
		return fmt.Errorf("can't be used: %w; or inbox: for the built-in one", err)
	}
	return nil
}

// issuerAddress holds the address of a provider to what OpenID Connect says of it.
func issuerAddress(v string) error {
	const form = "it should be the provider's issuer as it stands in its .well-known/openid-configuration, like https://accounts.example.com"
	u, err := url.Parse(v)
	switch {
	case err != nil:
		return errors.New("is no address: " + form)
	case u.User != nil:
		return errors.New("holds a user or a password: " + form)
	case !hostName(u.Hostname()) || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return fmt.Errorf("is %q, which does not begin with https:// and a host: %s", v, form)
	case strings.Contains(v, "/.well-known/"):
		return fmt.Errorf("is %q: leave out what begins with /.well-known; %s", v, form)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("is %q, which has a ? or a #: %s", v, form)
	}
	return nil
}

// fallbackURL is the setting of the second relay.
const fallbackURL = "SMTP_FALLBACK_URL"

func fallbackAddress(v string) error {
	if err := passwordInPlace(v); err != nil {
		return err
	}
	switch o, err := smtp.ParseURL(v); {
	case err != nil:
		return fmt.Errorf("can't be used: %w", err)
	case o.Rate.N > 0:
		return errors.New("has a rate: that of SMTP_URL holds for both relays; leave rate= out here")
	}
	return nil
}

// dkimName says when a name cannot stand in DNS.
func dkimName(v, like string) error {
	for label := range strings.SplitSeq(v, ".") {
		if !dkimLabel.MatchString(label) {
			return fmt.Errorf("is %q: it should be like %s", v, like)
		}
	}
	return nil
}

// dkimNames says when one of the names between commas cannot.
func dkimNames(v string) error {
	for name := range strings.SplitSeq(v, ",") {
		if err := dkimName(name, "mail2026"); err != nil {
			return err
		}
	}
	return nil
}

var dkimLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

func baseAddress(v string) error {
	const form = "it should be where members reach this service, like https://mail.shop.example"
	u, err := url.Parse(v)
	switch {
	case err != nil:
		return errors.New("is no address: " + form)
	case u.User != nil:
		return errors.New("holds a user or a password, which would stand in every mail: " + form)
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return fmt.Errorf("is %q, which does not begin with https://: %s", v, form)
	case !hostName(u.Hostname()):
		return fmt.Errorf("is %q, which names no host: %s", v, form)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("is %q: links in mails can't begin with a ? or a #; %s", v, form)
	}
	return nil
}

// hostName reports whether a name can stand in a link.
func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..") && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0x80
	})
}

// shortestKey is how many characters no one can guess.
const shortestKey = 32

func secretKeys(v string) error {
	for i, key := range strings.Split(v, ",") {
		if n := len(strings.TrimSpace(key)); n < shortestKey {
			return fmt.Errorf("is too short: key %d has %d characters and needs %d, as `openssl rand -hex 32` prints them", i+1, n, shortestKey)
		}
	}
	return nil
}

func listenAddress(v string) error {
	const form = "it should be HOST:PORT, or :PORT for all addresses of this machine"
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		if _, isPort := net.LookupPort("tcp", v); isPort == nil {
			return fmt.Errorf("is %q: did you mean :%[1]s? %s", v, form)
		}
		return fmt.Errorf("is %q: %s", v, form)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("is %q, whose port is not between 0 and 65535: %s", v, form)
	}
	return nil
}

// networks reads a list of networks, like 10.0.0.0/8.
func networks(v string) (all []netip.Prefix, err error) {
	for _, text := range splitList(v) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("holds %q, which is no network: it should be like 10.1.0.0/16, or 10.1.2.3/32 for one address; several with commas", text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// outSecrets checks the secrets that sign what one destination is told.
func outSecrets(all []string) error {
	for i, secret := range all {
		if _, err := webhook.StandardKey(secret); err != nil {
			return fmt.Errorf("%w (number %d)", err, i+1)
		}
	}
	return nil
}

// amongst says when a value is none of those that a setting takes.
func amongst(v string, names ...string) error {
	if slices.Contains(names, v) {
		return nil
	}
	or := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	return fmt.Errorf("is %q: it should be %s", v, or)
}

// thisMachine reports addresses at which only this machine reaches a listener.
func thisMachine(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	return loopback(host)
}

// loopback reports hosts that mean the machine that asks.
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

func splitList(s string) (list []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
