package program

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

const webhooksForm = "write webhooks: {shop: {url: https://shop.example/regulars, events: [code.*]}}"

// readWebhooks reads where other systems are told what happens.
func readWebhooks(r *loader, n *node, p *Program) {
	read := named(webhookKeys(), webhooksForm, func(name string) Webhook { return Webhook{Name: name} }, func(*loader, section, *Webhook) {})
	p.Webhooks = read(r, n)
	settings := map[string]string{}
	for _, w := range p.Webhooks {
		at := r.pairNamed(n, w.Name)
		if other := settings[w.Setting()]; other != "" {
			r.errorAt(at, fmt.Sprintf("%s and %s would have the same secret, %s", other, w.Name, w.Setting()), "give one of them another name")
		}
		settings[w.Setting()] = w.Name
	}
}

// pairNamed is where a key of a group stands.
func (r *loader) pairNamed(n *node, name string) *node {
	for _, kv := range n.pairs {
		if kv.key.text == name {
			return kv.key
		}
	}
	return n
}

// HookSecret begins the names of the settings that hold the secrets of webhooks that are
// sent.
const HookSecret = "HOOK_OUT_SECRET_"

// Setting is the name of the environment that holds the webhook's secret.
func (w Webhook) Setting() string {
	return HookSecret + loyalty.HookKey(w.Name)
}

// Kinds are the types of event that the webhook tells of.
func (w Webhook) Kinds() (all []string) {
	for _, kind := range loyalty.Told() {
		if slices.ContainsFunc(w.Events, func(pattern string) bool { return slices.Contains(loyalty.ToldBy(pattern), kind) }) {
			all = append(all, kind)
		}
	}
	return all
}

// hookURL checks where a webhook is sent to. Whoever may read the program reads it, so it
// holds no password.
func hookURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", wrong{fmt.Sprintf("%q is no address that a webhook can be sent to", s), "write it like https://shop.example/regulars"}
	case u.User != nil:
		return "", errors.New("the address holds a user or a password: the signature says who sends, leave them out")
	case u.Fragment != "":
		return "", errors.New("what follows the # of an address is never sent: leave it out")
	case u.Scheme == "http" && !thisMachine(u.Hostname()):
		return "", wrong{fmt.Sprintf("%s would go over the network in clear", s), "write https://; http:// is for localhost only"}
	}
	return s, nil
}

func thisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

func readHookEvents(r *loader, n *node, w *Webhook) {
	w.Events = distinct(r, n, "%q", func(item *node) (string, bool) {
		return parsed(r, item, func(s string) (string, error) {
			if len(loyalty.ToldBy(s)) > 0 {
				return s, nil
			}
			hint := suggest(s, loyalty.Told(), "there are "+inWords(loyalty.Told()))
			return "", wrong{fmt.Sprintf("%q is nothing that a webhook tells of", s), hint}
		})
	})
}

func readHookWith(r *loader, n *node, w *Webhook) {
	for _, item := range r.each(n) {
		if _, ok := parsed(r, item, func(s string) (string, error) {
			if s != "email" {
				return "", wrong{fmt.Sprintf("%q is nothing that a webhook tells of a member", s), "it tells the member's id, and with: [email] the address, too"}
			}
			return s, nil
		}); ok {
			w.Email = true
		}
	}
}

func webhooksText(all []Webhook) string {
	var texts []string
	for _, w := range all {
		text := fmt.Sprintf("%s (%s: %s", w.Name, w.URL, strings.Join(w.Events, ", "))
		if w.Email {
			text += ", with e-mail addresses"
		}
		texts = append(texts, text+")")
	}
	return strings.Join(texts, "; ")
}
