package person

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/consent"
	"regulars/internal/flows"
	"regulars/internal/happenings"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

// Refused says why two members cannot be made one.
type Refused struct{ Words string }

func (e *Refused) Error() string { return e.Words }

// ErrGone says that an erased member cannot be made one with another.
var ErrGone = &Refused{"a member who was erased cannot be made one with another: nothing is known of them"}

// Merged says what a merge moves, before it or after.
type Merged struct {
	From     string `json:"from"`            // by their names at the shop
	Into     string `json:"into"`            // …
	Again    bool   `json:"again,omitempty"` // they are one already
	Orders   int64  `json:"orders"`
	Events   int64  `json:"events"`
	Mails    int64  `json:"mails"`
	Entries  int64  `json:"entries"` // of the ledger of points
	Codes    int64  `json:"codes"`
	Consents int64  `json:"consents"`
	Points   int64  `json:"points"`         // of both together
	Pending  int64  `json:"points_pending"` // … that cannot be spent yet
}

// WouldMerge says what Merge would do. It only reads.
func WouldMerge(tx *store.Tx, from, into int64) (m Merged, err error) {
	var rows []struct {
		ID           int64
		ExternalID   string
		Erased, Gone bool
	}
	args := store.Args{"from": from, "into": into}
	if err := tx.All(&rows, "select id, external_id, erased_at is not null as erased, merged_into is not null as gone from members where id in (@from, @into)", args); err != nil {
		return m, err
	}
	for _, row := range rows {
		if row.Erased {
			return m, ErrGone
		}
		if row.Gone {
			return m, &Refused{row.ExternalID + " is one with another member: name that one"}
		}
		if row.ID == from {
			m.From = row.ExternalID
		}
		if row.ID == into {
			m.Into = row.ExternalID
		}
	}
	if m.Again = from == into; m.Again {
		return m, nil
	}
	counts := m
	err = tx.One(&counts, `
		select (select count(*) from orders where member_id = @from)   as orders,
		       (select count(*) from events where member_id = @from)   as events,
		       (select count(*) from sends where member_id = @from)    as mails,
		       (select count(*) from entries where member_id = @from)  as entries,
		       (select count(*) from codes where member_id = @from)    as codes,
		       (select count(*) from consents where member_id = @from) as consents,
		       (select coalesce(cast(sum(points) as bigint), 0) from facts where member_id in (@from, @into)) as points,
		       (select coalesce(cast(sum(points_pending) as bigint), 0) from facts where member_id in (@from, @into)) as pending`, args)
	counts.From, counts.Into = m.From, m.Into
	return counts, err
}

// Merge makes two members one: all that was of from is of into from now on, and whoever
// names from finds into. What into says of itself stands, and from's fills the gaps; who
// joined first, joined then. In tables.go stands what becomes of each table, and of what
// both may not have.
//
// It mails nobody. No event is written; segments are entered as by history, which starts
// no campaign; milestones that both together have reached are recorded as after an import;
// a campaign that each may have once goes on for into alone. Facts, points and tiers are
// computed anew. Doing it again changes nothing.
func Merge(tx *store.Tx, from, into int64, by string) (m Merged, err error) {
	pair := []int64{min(from, into), max(from, into)}
	if err := tx.HoldMembers(pair); err != nil {
		return m, err
	}
	if m, err = WouldMerge(tx, from, into); err != nil || m.Again {
		return m, err
	}
	today, err := tx.Today()
	if err != nil {
		return m, err
	}
	a := act{tx: tx, from: from, into: into, by: by, args: store.Args{"from": from, "into": into, "now": tx.At, "today": int64(today), "by": by}}
	for _, step := range []func() error{
		a.share, a.endTwice, a.referrals, a.noteTwice, a.heard, a.recent, a.move,
		a.profile,
		func() error { return consent.Merge(tx, from, into) },
		a.reckon,
		func() error { return happenings.Learned(tx, []int64{into}) },
		func() error { return flows.Reached(tx) },
	} {
		if err := step(); err != nil {
			return m, fmt.Errorf("making member %d one with %d: %w", from, into, err)
		}
	}
	if err := staff.Note(tx, staff.Act{By: by, Act: "merge", About: about(from), After: "one with " + about(into)}); err != nil {
		return m, err
	}
	var now struct{ Points, Pending int64 }
	err = tx.One(&now, "select points, points_pending as pending from facts where member_id = @into", a.args)
	m.Points, m.Pending = now.Points, now.Pending
	return m, store.IgnoreNotFound(err)
}

// act is a merge under way.
type act struct {
	tx         *store.Tx
	from, into int64
	by         string
	args       store.Args
	twice      []int64 // entries booked to both for one cause: those of from
}

func (a *act) exec(texts ...string) error {
	for _, text := range texts {
		if _, err := a.tx.Exec(filled(a.tx, text), a.args); err != nil {
			return err
		}
	}
	return nil
}

// share finds the occurrences in which both had a part.
func (a *act) share() error {
	var shared []int64
	err := a.tx.All(&shared, `
		select occurrence_id from (select occurrence_id from passages where member_id = @from union select occurrence_id from sends where member_id = @from) f
		where  occurrence_id in (select occurrence_id from passages where member_id = @into union select occurrence_id from sends where member_id = @into)
		order  by 1`, a.args)
	a.args["shared"] = store.IDs(shared)
	return err
}

// endTwice ends what is under way for from and would come to the same person twice: in an
// occurrence of both, or of a campaign that a member starts once and into has had.
func (a *act) endTwice() error {
	once := []int64{}
	v, err := versions.Active(a.tx)
	if versions.IgnoreNoProgram(err) != nil {
		return err
	}
	if err == nil {
		for _, c := range v.Campaigns {
			if !c.Again.Each {
				once = append(once, c.ID)
			}
		}
	}
	return flows.EndWhere(a.tx, filled(a.tx, `p.member_id = @from
		and   (p.occurrence_id in $shared
		       or p.campaign_id in `+a.tx.In("@once")+`
		          and exists (select 1 from passages o where o.member_id = @into and o.campaign_id = p.campaign_id and o.state <> 'recorded'))`),
		store.Args{"from": a.from, "into": a.into, "shared": a.args["shared"], "once": store.IDs(once)}, "merged")
}

// referrals takes back what one of the two was to get for the other, and keeps of two
// that brought them the one that was rewarded, or came first: a friend is one once.
func (a *act) referrals() error {
	var own []int64
	err := a.tx.All(&own, `
		select id from referrals
		where  state <> 'refused' and (referrer_id = @from and friend_id = @into or referrer_id = @into and friend_id = @from)`, a.args)
	if err != nil {
		return err
	}
	for _, id := range own {
		err := intake.WithPoints(a.tx, func(r *points.Rules) ([]int64, error) {
			return nil, r.DecideReferral(a.tx, id, false, "self", a.by)
		})
		if err != nil && !errors.Is(err, points.ErrNone) && !errors.Is(err, points.ErrNoReferral) {
			return err
		}
		if err != nil {
			return &Refused{fmt.Sprintf("referral %d is between the two, and the program in force has no rules by which it could be taken back: put one with a referral in force first", id)}
		}
	}
	var brought []struct {
		ID, FriendID int64
		State        string
	}
	err = a.tx.All(&brought, `
		select id, friend_id, state from referrals where friend_id in (@from, @into)
		order  by case state when 'rewarded' then 0 when 'pending' then 1 else 2 end, at, id`, a.args)
	if err != nil {
		return err
	}
	if err := a.exec("update referrals set referrer_id = @into where referrer_id = @from and friend_id not in (@from, @into)"); err != nil || len(brought) == 0 {
		return err
	}
	if len(brought) == 2 {
		a.args["winner"], a.args["loser"] = brought[0].ID, brought[1].ID
		if err := a.exec("update referrals set state = 'ended', reason = 'merged' where id = @loser and state = 'pending'"); err != nil {
			return err
		}
		if brought[0].FriendID == a.from {
			if err := a.exec("update referrals set friend_id = - friend_id where id = @winner", "update referrals set friend_id = @from where id = @loser"); err != nil {
				return err
			}
		}
	} else {
		a.args["winner"] = brought[0].ID
	}
	return a.exec("update referrals set friend_id = @into where id = @winner")
}

// noteTwice notes what both were booked for one cause, before the rows move.
func (a *act) noteTwice() error {
	return a.tx.All(&a.twice, `
		select f.id from entries f
		where  f.member_id = @from
		and    exists (select 1 from entries i where i.member_id = @into and i.wallet = f.wallet and i.cause = f.cause)
		order  by f.id`, a.args)
}

// heard has campaigns react about into to what they have still to hear of from.
func (a *act) heard() error {
	var rows []struct {
		ID     int64
		Detail string
	}
	if err := a.tx.All(&rows, "select id, cast(detail as text) as detail from happenings where member_id = @from order by id", a.args); err != nil {
		return err
	}
	var changed [][]any
	for _, row := range rows {
		var about happenings.About
		if err := json.Unmarshal([]byte(row.Detail), &about); err != nil {
			return fmt.Errorf("happening %d: %w", row.ID, err)
		}
		if about.Happened != nil {
			about.Happened.Member = a.into
		}
		changed = append(changed, []any{row.ID, json.RawMessage(store.JSON(about))})
	}
	if changed == nil {
		return nil
	}
	_, err := a.tx.Exec("update happenings set member_id = @into, detail = r.detail from "+a.tx.Values("id bigint", "detail jsonb")+" where happenings.id = r.id",
		store.Args{"into": a.into, "rows": store.Rows(changed)})
	return err
}

// recent keeps the newest ten offers of both for caps.
func (a *act) recent() error {
	var rows []struct{ At1, At2, At3, At4, At5, At6, At7, At8, At9, At10 loyalty.Instant }
	if err := a.tx.All(&rows, "select at1, at2, at3, at4, at5, at6, at7, at8, at9, at10 from recent_mails where member_id in (@from, @into)", a.args); err != nil || len(rows) == 0 {
		return err
	}
	var all []loyalty.Instant
	for _, r := range rows {
		all = append(all, r.At1, r.At2, r.At3, r.At4, r.At5, r.At6, r.At7, r.At8, r.At9, r.At10)
	}
	slices.SortFunc(all, func(x, y loyalty.Instant) int { return y.Compare(x.Time) })
	args := store.Args{"from": a.from, "into": a.into}
	for i := range 10 {
		args[fmt.Sprintf("at%d", i+1)] = all[i]
	}
	if _, err := a.tx.Exec("delete from recent_mails where member_id in (@from, @into)", args); err != nil {
		return err
	}
	_, err := a.tx.Exec(`
		insert into recent_mails (member_id, at1, at2, at3, at4, at5, at6, at7, at8, at9, at10)
		values (@into, @at1, @at2, @at3, @at4, @at5, @at6, @at7, @at8, @at9, @at10)`, args)
	return err
}

// move goes through the tables.
func (a *act) move() error {
	for _, t := range tables {
		if err := a.exec(t.merge...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// profile fills what into leaves open from from, whose row points at into and is found by
// nothing any more; its address stays there, for links in mails that went to it. An id of the shop goes to a member who has none.
func (a *act) profile() error {
	attributes := "cast(f.attributes as jsonb) || cast(members.attributes as jsonb)"
	if !a.tx.Postgres() {
		attributes = "json_patch(f.attributes, members.attributes)"
	}
	var names []struct {
		ID         int64
		ExternalID string
		Named      bool
	}
	if err := a.tx.All(&names, "select id, external_id, named from members where id in (@from, @into)", a.args); err != nil {
		return err
	}
	of := map[int64]int{names[0].ID: 0, names[1].ID: 1}
	if from, into := names[of[a.from]], names[of[a.into]]; from.Named && !into.Named {
		a.args["name"] = from.ExternalID
		if err := a.exec("update members set external_id = 'merged:' || id, named = false where id = @from",
			"update members set external_id = @name, named = true where id = @into"); err != nil {
			return err
		}
	}
	fills := func(column string) string {
		return column + " = case when members." + column + " = '' then f." + column + " else members." + column + " end"
	}
	return a.exec(`
		update members
		set    email_key   = case when members.email = '' then f.email_key else members.email_key end,
		       first_name  = case when members.first_name = '' and members.last_name = '' then f.first_name else members.first_name end,
		       last_name   = case when members.first_name = '' and members.last_name = '' then f.last_name else members.last_name end,
		       birth_year  = coalesce(members.birth_year, f.birth_year),
		       birth_month = case when members.birth_month is null then f.birth_month else members.birth_month end,
		       birth_date  = case when members.birth_month is null then f.birth_date else members.birth_date end,
		       joined_at   = case when members.joined_at is null or f.joined_at < members.joined_at then f.joined_at else members.joined_at end,
		       joined_day  = case when members.joined_at is null or f.joined_at < members.joined_at then f.joined_day else members.joined_day end,
		       created_at  = case when f.created_at < members.created_at then f.created_at else members.created_at end,
		       attributes  = `+attributes+`,
		       fingerprint = null,
		       `+fills("email")+", "+fills("phone")+", "+fills("card")+", "+fills("language")+", "+fills("country")+", "+fills("time_zone")+", "+fills("referred_by")+`
		from   members f
		where  members.id = @into and f.id = @from`, `
		update members
		set    merged_into = @into, fingerprint = null, changed_at = @now
		where  id = @from`)
}

// reckon computes points, facts and tiers as of one member.
func (a *act) reckon() error {
	err := intake.WithPoints(a.tx, func(r *points.Rules) ([]int64, error) { return nil, r.Merge(a.tx, a.into, a.twice) })
	if err != nil && !errors.Is(err, points.ErrNone) {
		return err
	}
	for _, step := range []func() error{
		func() error { return intake.RefreshFacts(a.tx, []int64{a.into}) },
		func() error { return tiers.Merge(a.tx, a.from, a.into) },
		func() error { return intake.RefreshFacts(a.tx, []int64{a.into}) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
