package person

import (
	"strings"

	"regulars/internal/store"
)

// table is one with rows of members, and what each act does to them. In statements,
// $them is the member with all who were made one with them, @from and @into are the two
// of a merge, $shared the occurrences that both had a part in.
type table struct {
	name   string
	export string   // under which name it is exported; "-": it is not, see about
	erase  []string // none: its rows stay with the husk, see about
	merge  []string // none: merge.go does it in Go, or about says why nothing is to be done
	about  string
}

// move gives the rows of a table to the other member.
func move(name string) []string {
	return []string{"update " + name + " set member_id = @into where member_id = @from"}
}

// moveApart is move for tables with a row per occurrence and member. Of an occurrence in
// which both had a part each keeps their own: the one's rows stay with their row.
func moveApart(name string) []string {
	return []string{"update " + name + " set member_id = @into where member_id = @from and occurrence_id not in $shared"}
}

// tables are all that have a column member_id, in the order in which erase and merge go
// through them. TestEveryTableOfMembersIsListed holds it against the schema.
var tables = []table{
	{"member_keys", "keys", []string{"delete from member_keys where member_id in $them"}, []string{
		`insert into member_keys (kind, value, member_id)
		 select kind, value, cast(@into as bigint) from member_keys where member_id = @from and kind in ('email', 'phone', 'card')
		 on conflict (kind, value, member_id) do nothing`,
		"delete from member_keys where member_id = @from and kind in ('email', 'phone', 'card')",
		"update member_keys set member_id = @into where member_id = @from",
	}, "whoever was found by one of them is found as the other from now on"},
	{"member_tags", "tags", []string{"delete from member_tags where member_id in $them"}, []string{
		`insert into member_tags (member_id, tag) select cast(@into as bigint), tag from member_tags where member_id = @from
		 on conflict (member_id, tag) do nothing`,
		"delete from member_tags where member_id = @from",
	}, ""},
	{"member_names", "-", []string{"delete from member_names where member_id in $them"}, []string{"delete from member_names where member_id = @from"}, "by what they are found, folded; it is in the member and made of it (report/names.go)"},
	{"names_due", "-", []string{"delete from names_due where member_id in $them"}, []string{"delete from names_due where member_id = @from"}, "that their name is to be folded"},
	{"member_topics", "topics", []string{"delete from member_topics where member_id in $them"}, nil, "consent.Merge"},
	{"consents", "consents", []string{"update consents set ip = '' where member_id in $them and ip <> ''"}, nil,
		"consent.Merge. Erased: the proof that mails were sent with consent stays, for claims (Art. 17(3) e): topic, answer, moments, source, which mail, " +
			"and of the text its SHA-256, so that a text can be shown to be the one. IP and text go"},
	{"joinings", "joining", []string{"delete from joinings where member_id in $them"}, []string{
		`update joinings set member_id = @into where member_id = @from and not exists (select 1 from joinings j where j.member_id = @into)`,
		"delete from joinings where member_id = @from",
	}, "of two the other's stays; what was confirmed is in consents"},

	{"orders", "orders", nil, move("orders"), "erased: figures; an order number names nobody"},
	{"order_lines", "orders", nil, move("order_lines"), "erased: figures"},
	{"events", "events", []string{
		"update events set properties = case when properties -> '_order' is null then '{}' else $said end where member_id in $them"}, move("events"),
		"erased: the row stays, so that the same event is not taken in anew"},
	{"point_changes", "points_reported", nil, move("point_changes"), "erased: figures"},

	{"passages", "passages", nil, moveApart("passages"), "those under way end when erased; when merged, those of which the other has had their own"},
	{"codes", "codes", []string{`
		update codes set state = 'void'
		where  member_id in $them and state in ('reserved', 'issued')
		and    pool_id in (select id from pools where kind <> 'shared')`}, []string{
		"update codes set member_id = @into, occurrence_id = null where member_id = @from and state <> 'reserved' and occurrence_id in $shared",
		"update codes set member_id = @into where member_id = @from and (occurrence_id is null or occurrence_id not in $shared)",
	}, "a code that is reserved for a mail stays with it"},
	{"sends", "mails", []string{"update sends set smtp_text = null, email_key = null where member_id in $them"}, moveApart("sends"),
		"the sum of a run's sends is its audience: none is deleted before retention does"},
	{"touches", "mails", []string{"update touches set link = '' where member_id in $them and link <> ''"}, move("touches"), ""},
	{"recent_mails", "-", []string{"delete from recent_mails where member_id in $them"}, nil, "the moments of the newest offers, which are among the sends, for caps; merged: the newest ten of both"},
	{"redemptions", "codes_used", []string{"update redemptions set key = null where member_id in $them"}, move("redemptions"), "erased: key is a text of the till's"},

	{"entries", "points", []string{
		"update entries set reason = '' where member_id in $them and kind = 'adjust' and cause not like 'ended:%' and cause not like 'let go:%'",
		"update entries set cause = 'erased:' || id where member_id in $them and cause like 'key:%'",
	}, []string{
		`update entries set cause = cause || ':' || id
		 where  member_id = @from
		 and    exists (select 1 from entries e where e.member_id = @into and e.wallet = entries.wallet and e.cause = entries.cause)`,
		"update entries set member_id = @into where member_id = @from",
	}, "points.End and points.Merge; what both were booked for one cause keeps its row under a cause of its own"},
	{"lots", "points", nil, move("lots"), "what is left of entries: points.End, points.Merge"},
	{"claims", "claims", []string{
		"update claims set reason = '', order_ref = '' where member_id in $them",
		"update claims set key = 'erased:' || id where member_id in $them and source not in ('card', 'referral')",
	}, []string{
		// A card's key is member:card:n, which counts the member's own.
		"update claims set member_id = @into where member_id = @from",
	}, ""},
	{"member_tiers", "tiers", []string{
		"update member_tiers set left_day = @today where member_id in $them and left_day is null",
		"update member_tiers set because = '' where member_id in $them and by_whom <> ''",
	}, nil, "tiers.Merge"},

	{"segment_members", "segments", []string{
		"update segment_members set left_at = @now, left_day = @today, handled = true where member_id in $them and left_at is null",
	}, []string{
		`update segment_members set left_at = @now, left_day = @today, handled = true
		 where  member_id = @from and left_at is null
		 and    exists (select 1 from segment_members i where i.segment_id = segment_members.segment_id and i.member_id = @into and i.left_at is null)`,
		`update segment_members set member_id = @into, handled = true
		 where  member_id = @from
		 and    not exists (select 1 from segment_members i
		                    where  i.segment_id = segment_members.segment_id and i.member_id = @into and i.entered_at = segment_members.entered_at)`,
	}, "where both are inside, the other's stay goes on; the rules are asked anew after the merge"},
	{"facts", "figures", []string{"delete from facts where member_id in $them"}, []string{"delete from facts where member_id = @from"}, "computed anew"},
	{"happenings", "-", []string{"delete from happenings where member_id in $them"}, nil, "what campaigns have still to react to, for minutes; it is among the events"},
	{"hook_deliveries", "-", []string{"delete from hook_deliveries where member_id in $them"}, move("hook_deliveries"),
		"what other systems are told, for days: it is among the mails, codes and orders"},
	{"reactions", "-", []string{"delete from reactions where member_id in $them"}, move("reactions"), "as happenings"},
}

// notOfMembers are tables without a column member_id in which a person may stand, and
// what erase does about them.
var notOfMembers = map[string]string{
	"members":      "the row stays as a husk: erase.go",
	"referrals":    "referrer_id and friend_id: the rows stay between husks",
	"refunds":      "of orders: figures",
	"draws":        "of entries: figures",
	"suppressions": "keyed hash of the address, reason erased: stays",
	"refusals":     "keyed hash of the address: stays, a no counts for it",
	"questions":    "keyed hash of the address, for a day: deleted",
	"soft_bounces": "keyed hash of the address: deleted",
	"audit":        "of acts about the person, by number: what was written beside them goes",
	"hooks":        "raw bodies: those that name the person are deleted",
	"early_events": "events of orders that are yet to come: those that name the person are deleted",
	"jobs":         "payloads that name the person are emptied, and such a job that waits is cancelled",
}

// filled puts the members and occurrences of an act into a statement.
func filled(tx *store.Tx, text string) string {
	return strings.NewReplacer("$them", tx.In("@ids"), "$shared", tx.In("@shared")).Replace(text)
}
