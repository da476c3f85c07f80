package segments

import "slices"

// mailFields are about the mails that we sent and what people did with them. What
// machines did, scanners and proxies, is in none of them. Who clicked has opened.
func mailFields() []*entry {
	var whether, since []*entry
	counts := []*entry{
		{name: "mails", typ: Number, window: true, from: fromMails,
			noun: "number of mails received", says: "who received {n}", unit: "mail",
			also: []string{"mails_received", "emails", "received", "mails_sent"},
			in:   figure{rows: received, sum: "count(*)"}},
		{name: "mails_from", typ: Number, what: "campaign", window: true, from: fromMails,
			noun: "number of mails received from the campaign", says: "who received {n} of {x}", unit: "mail",
			also: []string{"mails_of", "campaign", "received_from", "got_mail"},
			in:   figure{rows: from(received, "s"), sum: "count(*)"}},
		{name: "days_since_mail", typ: Number, window: true, from: fromMails,
			noun: "days since the last mail received", says: "who received their last mail {n} ago", saysIn: "who received their last mail {w} {n} ago", unit: "day",
			also: []string{"last_mail", "days_since_last_mail"},
			in:   days{rows: received, day: "max(s.sent_day)"}},
	}
	for _, t := range []struct {
		did, thing string
		rows
	}{{"opened", "open", touched}, {"clicked", "click", clicks}} {
		counts = append(counts, &entry{name: "mails_" + t.did, typ: Number, window: true, from: fromMails,
			noun: "number of mails " + t.did, says: "who " + t.did + " {n}", unit: "mail", also: []string{t.thing + "s", t.did + "_mails", t.thing + "_count"},
			in: figure{rows: t.rows, sum: "count(distinct t.send_id)"}})
		whether = append(whether, &entry{name: t.did, typ: Bool, what: "campaign", window: true, from: fromMails,
			noun: t.did + " a mail of the campaign", says: "who " + t.did + " a mail of {x}", denies: "who have {never} " + t.did + " a mail of {x}",
			also: []string{t.did + "_mail", "has_" + t.did},
			in:   presence{rows: from(t.rows, "t")}})
		since = append(since, &entry{name: "days_since_" + t.thing, typ: Number, window: true, from: fromMails,
			noun: "days since the member last " + t.did + " a mail", says: "who last " + t.did + " a mail {n} ago", unit: "day",
			also: []string{"last_" + t.thing, "last_" + t.did},
			in:   days{rows: t.rows, day: "max(t.day)"}})
	}
	return slices.Concat(counts, whether, since)
}

var (
	// received are the rows of mails that were handed over and have not come back.
	received = rows{table: "sends s", member: "s.member_id", day: "s.sent_day", where: "s.state in ('sent', 'complained')"}
	// touched are the rows of what people did with mails.
	touched = rows{table: "touches t", member: "t.member_id", day: "t.day", where: "t.person"}
	clicks  = rows{table: "touches t", member: "t.member_id", day: "t.day", where: "t.person and t.kind = 'click'"}
)

// from narrows rows of mails to those of a campaign.
func from(r rows, alias string) rows {
	r.table += " join campaigns k on k.id = " + alias + ".campaign_id"
	r.match = "k.name"
	return r
}
