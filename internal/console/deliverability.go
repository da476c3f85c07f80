package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"regulars/internal/address"
	"regulars/internal/delivery/dkim"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// deliverabilityView is what has to be published so that mails arrive, and what became
// of them.
type deliverabilityView struct {
	frame
	Sender  string // its domain; "": no program is in force
	Records []record
	Table   report.Table
	Picture report.Drawing
	counting
}

// record is one of DNS that is to be published.
type record struct {
	What string // SPF, DKIM …
	Name string
	Type string
	Says string
	Why  string
	Bad  string // why it does not do; "": it does
}

func (c *Console) deliverability(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view deliverabilityView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "deliverability", c.pages.words.Say("deliverability.title")); err != nil {
			return err
		}
		now, err := marketing.InForce(tx)
		if err != nil || now.Program == nil {
			return err
		}
		from, err := address.Named(now.Program.Mail.From)
		if err == nil {
			view.Sender = address.Domain(from.Address)
		}
		return err
	})
	if err != nil {
		return err
	}
	view.Records = c.records(view.Sender)
	named, _ := report.ByName("domains")
	var table report.Counted
	if view.counting, err = c.countedReport(r, &view.frame, named, view.Today(), false, &table); err != nil {
		return err
	}
	view.Table, view.Picture = report.Table{Head: table.Head, Rows: table.Rows}, table.Drawing
	return c.pages.show(w, http.StatusOK, "deliverability", view)
}

// countDomains has a worker count the mails by domain.
func (c *Console) countDomains(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.count(w, r, u, "domains", "/console/deliverability", func(f frame) (loyalty.Day, string, error) { return f.Today(), "", nil })
}

// records are those for mails from a domain; "" where nobody knows it.
func (c *Console) records(sender string) (all []record) {
	say, s := c.pages.words.Say, c.Surroundings
	if sender != "" {
		all = append(all, c.spf(sender))
	}
	if s.DKIM == nil && sender != "" {
		all = append(all, record{What: "DKIM", Name: "…._domainkey." + sender, Type: "TXT", Says: say("deliverability.dkim_relay"), Why: say("deliverability.dkim_relay_why", sender)})
	}
	if s.DKIM != nil {
		bad := ""
		if sender != "" && !s.DKIM.Aligned(sender) {
			bad = say("deliverability.dkim_other", sender)
		}
		for _, key := range s.DKIM.Records() {
			all = append(all, record{"DKIM", key.Name, "TXT", key.Value, say("deliverability.dkim"), bad})
		}
	}
	if sender != "" {
		domain := dkim.Organisation(sender)
		all = append(all, record{What: "DMARC", Name: "_dmarc." + domain, Type: "TXT", Says: "v=DMARC1; p=none; rua=mailto:dmarc@" + domain, Why: say("deliverability.dmarc")})
	}
	return append(all, c.bounces(), c.links())
}

// spf is the record of the domain of envelopes.
func (c *Console) spf(sender string) record {
	say := c.pages.words.Say
	r := record{What: "SPF", Name: sender, Type: "TXT", Says: "v=spf1 include:RELAY -all", Why: say("deliverability.spf")}
	if envelope := c.Surroundings.BounceDomain; envelope != "" {
		if r.Name = envelope; dkim.Organisation(envelope) != dkim.Organisation(sender) {
			r.Bad = say("deliverability.spf_other", sender)
		}
	}
	return r
}

// bounces is the record of where mails come back to.
func (c *Console) bounces() record {
	say := c.pages.words.Say
	told := slices.ContainsFunc(c.Surroundings.Doors, func(d Door) bool { return d.Open && strings.HasPrefix(d.Path, "/hooks/mail/") })
	switch domain := c.Surroundings.BounceDomain; {
	case domain != "":
		return record{What: "MX", Name: domain, Type: "MX", Says: "10 HOST.", Why: say("deliverability.mx")}
	case told:
		return record{What: "MX", Says: say("deliverability.mx_none"), Why: say("deliverability.mx_told_why")}
	}
	return record{What: "MX", Says: say("deliverability.mx_none"), Bad: say("deliverability.mx_none_why")}
}

// links is the record of the name that links in mails lead to.
func (c *Console) links() record {
	say := c.pages.words.Say
	u, err := url.Parse(c.Base)
	if err != nil || u.Hostname() == "" {
		return record{What: "BASE_URL", Bad: say("deliverability.base_none")}
	}
	return record{What: "BASE_URL", Name: u.Hostname(), Type: "A, AAAA", Says: say("deliverability.base"), Why: say("deliverability.base_why")}
}
