package segments

// mailFields are about the mails that we sent and what people did with them. What
// machines did, scanners and proxies, is in none of them. Who clicked has opened.
func mailFields() []*entry {
	return []*entry{
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
		touchCount("mails_opened", "opened", touched, "opens", "opened_mails", "open_count"),
		touchCount("mails_clicked", "clicked", clicks, "clicks", "clicked_mails", "click_count"),
		touchOf("opened", touched, "opened_mail", "has_opened"),
		touchOf("clicked", clicks, "clicked_mail", "has_clicked"),
		touchSince("days_since_open", "opened", touched, "last_open", "last_opened"),
		touchSince("days_since_click", "clicked", clicks, "last_click", "last_clicked"),
	}
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

// touchCount is the number of mails with which a person did something.
func touchCount(name, did string, r rows, also ...string) *entry {
	return &entry{name: name, typ: Number, window: true, from: fromMails,
		noun: "number of mails " + did, says: "who " + did + " {n}", unit: "mail", also: also,
		in: figure{rows: r, sum: "count(distinct t.send_id)"}}
}

// touchOf is opened("…") or clicked("…").
func touchOf(name string, r rows, also ...string) *entry {
	return &entry{name: name, typ: Bool, what: "campaign", window: true, from: fromMails,
		noun: name + " a mail of the campaign", says: "who " + name + " a mail of {x}", denies: "who have {never} " + name + " a mail of {x}", also: also,
		in: presence{rows: from(r, "t")}}
}

func touchSince(name, did string, r rows, also ...string) *entry {
	return &entry{name: name, typ: Number, window: true, from: fromMails,
		noun: "days since the member last " + did + " a mail", says: "who last " + did + " a mail {n} ago", unit: "day", also: also,
		in: days{rows: r, day: "max(t.day)"}}
}
