package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// DomainUse is what became of the mails to one domain of recipients in the last
// RecentDays days.
type DomainUse struct {
	Domain     string `json:"domain"` // ""; several together
	Domains    int64  `json:"domains"`
	Members    int64  `json:"members"`
	Sent       int64  `json:"sent"`    // taken by the relay, whatever came back
	Refused    int64  `json:"refused"` // not taken
	Bounced    int64  `json:"bounced"`
	Complained int64  `json:"complained"`
}

// fewMembers is below how many members a domain is not named: it could tell who they are.
const fewMembers = 5

// usualDomains is how many domains are told one by one.
const usualDomains = 50

// Domains returns what became of the mails of the days up to one, by the domain of the
// address that the member has now; those of most mails first, at last all others
// together: domains of few members, and mails to members without an address any more.
func Domains(tx *store.Tx, day loyalty.Day, limit int) ([]DomainUse, error) {
	domain := "lower(substr(m.email, instr(m.email, '@') + 1))" // an address that was taken in has one @
	if tx.Postgres() {
		domain = "lower(split_part(m.email, '@', 2))"
	}
	if err := tx.AboutEverybody(); err != nil {
		return nil, err
	}
	var found []DomainUse
	err := tx.All(&found, `
		select case when members < @few then '' else domain end as domain, count(*) as domains, cast(sum(members) as bigint) as members,
		       cast(sum(sent) as bigint) as sent, cast(sum(refused) as bigint) as refused, cast(sum(bounced) as bigint) as bounced, cast(sum(complained) as bigint) as complained
		from  (select `+domain+` as domain, count(*) as members, sum(s.sent) as sent, sum(s.refused) as refused, sum(s.bounced) as bounced, sum(s.complained) as complained
		       from  (select member_id,
		                     count(*) filter (where state <> 'failed') as sent, count(*) filter (where state = 'failed') as refused,
		                     count(*) filter (where state = 'bounced') as bounced, count(*) filter (where state = 'complained') as complained
		              from   sends
		              where  sent_day between @from and @day and state in ('sent', 'bounced', 'complained', 'failed')
		              group  by member_id) s
		       join   members m on m.id = s.member_id
		       group  by 1) d
		group  by 1`, store.Args{"few": fewMembers, "from": int64(day) - RecentDays + 1, "day": int64(day)})
	return byProvider(found, limit), err
}

// byProvider adds up what belongs together: the domains of one provider, and at the end
// all that are not named.
func byProvider(found []DomainUse, limit int) []DomainUse {
	named, rest := map[string]DomainUse{}, DomainUse{}
	for _, d := range found {
		if d.Domain = loyalty.RateDomain(d.Domain); d.Domain == "" {
			rest = rest.with(d)
			continue
		}
		sum := named[d.Domain].with(d)
		sum.Domain = d.Domain
		named[d.Domain] = sum
	}
	list := slices.SortedFunc(maps.Values(named), func(a, b DomainUse) int {
		return cmp.Or(cmp.Compare(b.Sent+b.Refused, a.Sent+a.Refused), cmp.Compare(a.Domain, b.Domain))
	})
	for _, d := range list[min(limit, len(list)):] {
		rest = rest.with(d)
	}
	if list = list[:min(limit, len(list))]; rest.Domains > 0 {
		list = append(list, rest)
	}
	return list
}

// with is two of them together, by the name of the first.
func (d DomainUse) with(o DomainUse) DomainUse {
	return DomainUse{d.Domain, d.Domains + o.Domains, d.Members + o.Members, d.Sent + o.Sent, d.Refused + o.Refused, d.Bounced + o.Bounced, d.Complained + o.Complained}
}

// called is the domain, or how many others these are.
func (d DomainUse) called() string {
	if d.Domain == "" {
		return "(others: " + loyalty.Count(d.Domains) + ")"
	}
	return d.Domain
}

// lost is the share of mails that did not arrive; angry that of those whose reader
// complained, to a hundredth of a percent: what providers bear is a thousandth.
func (d DomainUse) lost() float64 { return ratio(d.Refused+d.Bounced, d.Sent+d.Refused) }
func (d DomainUse) angry() string { return fmt.Sprintf("%.2f %%", 100*ratio(d.Complained, d.Sent)) }
func (d DomainUse) words() string { return loyalty.Count(d.Sent) + ", " + percent(d.lost()) + " lost" }
func (d DomainUse) cells() []any {
	return []any{d.called(), d.Members, d.Sent, d.Refused, d.Bounced, percent(d.lost()), d.Complained, d.angry()}
}

func drawDomains(ask Ask, value any) string {
	b := plot.Bars{Title: "Mails by domain of recipients", Says: fmt.Sprintf("How many mails went to each domain in the %d days up to %s, and what share was refused or came back.", RecentDays, ask.Day)}
	for i, d := range value.([]DomainUse) {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: d.called(), Value: float64(d.Sent), Text: d.words(), Light: d.Domain == ""})
		}
	}
	return ask.bars(b)
}
