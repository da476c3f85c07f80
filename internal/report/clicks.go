package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// MailUse is what became of one mail of a campaign once it was sent. What scanners and
// proxies open and click does not count.
type MailUse struct {
	Campaign   string `json:"campaign"`
	Mail       string `json:"mail"`
	Sent       int64  `json:"sent"` // those that came back among them
	Bounced    int64  `json:"bounced"`
	Complained int64  `json:"complained"`
	Opened     int64  `json:"opened"` // mails of which a person did; 0 where the program notes no opens
	Clicked    int64  `json:"clicked"`
}

// wasSent is the condition on a send s that went out, whatever came back.
const wasSent = "s.state in ('sent', 'bounced', 'complained')"

// Mails returns what became of each mail, of one campaign or of all ("").
func Mails(tx *store.Tx, campaign string) (list []MailUse, err error) {
	err = tx.All(&list, `
		with uses as (
			select s.id, s.campaign_id, s.step, max(case when t.kind = 'open' then 1 else 0 end) as opened, max(case when t.kind = 'click' then 1 else 0 end) as clicked
			from   sends s join campaigns c on c.id = s.campaign_id join touches t on t.send_id = s.id and t.person
			where  (@campaign = '' or c.name = @campaign) and `+wasSent+`
			group  by s.id, s.campaign_id, s.step
		)
		select k.campaign, k.mail, k.sent, k.bounced, k.complained, coalesce(t.opened, 0) as opened, coalesce(t.clicked, 0) as clicked
		from  (`+countedMails+`) k
		left   join (select campaign_id, step, sum(opened) as opened, sum(clicked) as clicked from uses group by campaign_id, step) t
		       on t.campaign_id = k.campaign_id and t.step = k.mail
		order  by k.campaign, k.mail`, store.Args{"campaign": campaign})
	if err != nil {
		return nil, fmt.Errorf("what became of mails: %w", err)
	}
	return list, nil
}

// countedMails is a SELECT of how many mails went out and came back, as it is counted when
// it happens.
const countedMails = `
		select c.name as campaign, k.step as mail, k.campaign_id, cast(sum(k.n) as bigint) as sent,
		       cast(coalesce(sum(k.n) filter (where k.state = 'bounced'), 0) as bigint) as bounced,
		       cast(coalesce(sum(k.n) filter (where k.state = 'complained'), 0) as bigint) as complained
		from   counted k
		join   campaigns c on c.id = k.campaign_id
		where  (@campaign = '' or c.name = @campaign) and k.` + store.CountedSent + `
		group  by c.name, k.step, k.campaign_id having sum(k.n) > 0`

// LinkUse is how often people clicked a link of a mail.
type LinkUse struct {
	Campaign string `json:"campaign"`
	Mail     string `json:"mail"`
	Link     string `json:"link"`
	Members  int64  `json:"members"`
	Clicks   int64  `json:"clicks"`
}

// Links returns the links that people clicked, those of most members first in each mail,
// of one campaign or of all (""). What follows a "?" or "#" is left out: it may be
// another for each member, and tell who they are.
func Links(tx *store.Tx, campaign string, limit int) (list []LinkUse, err error) {
	err = tx.All(&list, `
		select c.name as campaign, s.step as mail, `+bare(tx, "t.link")+` as link, count(distinct t.member_id) as members, count(*) as clicks
		from   touches t
		join   sends s on s.id = t.send_id
		join   campaigns c on c.id = s.campaign_id
		where  t.person and t.kind = 'click' and (@campaign = '' or c.name = @campaign)
		group  by 1, 2, 3
		order  by 1, 2, 4 desc, 5 desc, 3
		limit  @limit`, store.Args{"campaign": campaign, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("which links were clicked: %w", err)
	}
	return list, nil
}

// bare is a link without its query and fragment, as SQL. "?" is written by its number:
// in a statement it would stand for an argument.
func bare(tx *store.Tx, link string) string {
	if tx.Postgres() {
		return "split_part(split_part(" + link + ", '#', 1), chr(63), 1)"
	}
	cut := func(text, at string) string {
		return "substr(" + text + ", 1, instr(" + text + " || " + at + ", " + at + ") - 1)"
	}
	return cut(cut(link, "'#'"), "char(63)")
}

// mailRows are where the sends s of the figures of MailUse stand, and the conditions on
// them. What came back, and what people opened and clicked, is noted by itself, by mail:
// it may be little among much.
var mailRows = map[string]struct{ from, condition string }{
	"sent":       {allMails, wasSent},
	"bounced":    {"returned" + noted, "s.state = 'bounced'"},
	"complained": {"returned" + noted, "s.state = 'complained'"},
	"opened":     {"touched" + noted, "r.kind = 'open' and " + wasSent + " and (select count(*) from touches t where t.send_id = s.id and t.kind = 'open' and t.person) > 0"},
	"clicked":    {"touched" + noted, "r.kind = 'click' and " + wasSent + " and (select count(*) from touches t where t.send_id = s.id and t.kind = 'click' and t.person) > 0"},
}

const (
	allMails = "sends s"
	noted    = " r join sends s on s.id = r.send_id"
)

// MailRow is one of the mails that a figure of MailUse counts.
type MailRow struct {
	ID     int64           `json:"id"`
	At     loyalty.Instant `json:"at"`
	Member int64           `json:"-"` // its number
	Name   string          `json:"member"`
	State  string          `json:"state"`
}

// MailRows returns mails that a figure of MailUse counts, the newest first, from before a
// send on; 0 is from the newest. The figures are sent, bounced, complained, opened and
// clicked.
func MailRows(tx *store.Tx, of MailUse, figure string, before int64, limit int) (rows []MailRow, err error) {
	where, known := mailRows[figure]
	if !known {
		return nil, store.Missing(fmt.Sprintf("there is no figure %q", figure))
	}
	args := store.Args{"campaign": of.Campaign, "mail": of.Mail, "before": cmp.Or(before, math.MaxInt64), "limit": limit}
	// What is noted is looked at from its newest on. It is asked for so that the database
	// does not guess how much of it counts: it would guess too low, and look at all.
	const ofCampaign = "campaign_id = (select id from campaigns where name = @campaign)"
	read := func(of, id, which string) error {
		var more []MailRow
		err := tx.All(&more, `
			select s.id, s.handed_at as at, s.member_id as member, trim(m.first_name || ' ' || m.last_name) as name, s.state
			from   `+where.from+` join members m on m.id = s.member_id
			where  `+which+` and `+of+`.step = @mail and `+where.condition+` and `+id+` < @before
			order  by `+id+` desc
			limit  @limit`, args)
		rows = append(rows, more...)
		slices.SortFunc(rows, func(a, b MailRow) int { return cmp.Compare(b.ID, a.ID) })
		rows = rows[:min(len(rows), limit)]
		return err
	}
	if where.from != allMails {
		err = read("r", "r.send_id", "r."+ofCampaign)
		return rows, err
	}
	if err := read("s", "s.id", "s.run_id is null and s."+ofCampaign); err != nil {
		return nil, err
	}
	// Mails of runs are found run by run, the latest first: an index of them by campaign
	// would cost each run that is frozen.
	var runs []struct{ ID, Last int64 }
	err = tx.All(&runs, `
		select r.id, coalesce((select max(s.id) from sends s where s.run_id = r.id), 0) as last
		from   runs r
		where  r.campaign_id = (select id from campaigns where name = @campaign)
		order  by 2 desc`, args)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if len(rows) == limit && rows[limit-1].ID > r.Last {
			break
		}
		args["run"] = r.ID
		if err := read("s", "s.id", "s.run_id = @run"); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
