package report

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

//go:embed doctor.sql
var doctorSQL string

// Doctor holds what the invariants depend on beside the database.
type Doctor struct {
	Since loyalty.Instant // hand-overs before it are not looked at again
	Today loyalty.Day     // of the shop
	Caps  []loyalty.Cap   // of the program in force

	// Quiet reports whether a mail of a campaign and class, handed over at a
	// moment to a member of that zone ("" : the shop's), broke the quiet hours.
	// nil: nothing is quiet.
	Quiet func(campaign int64, class, zone string, ownAct, handed loyalty.Instant) bool

	// Tiers returns the stays for which neither a rule nor a person speaks. nil: the
	// program has no tiers.
	Tiers func(*store.Tx) ([]Finding, error)

	// Cards returns the punch cards that are full and gave nothing. nil: there are none.
	Cards func(*store.Tx) ([]Finding, error)

	// Points returns the orders for which other points are booked than they earn. nil:
	// the program keeps none.
	Points func(*store.Tx) ([]Finding, error)

	PointWorth int64 // of one point, in thousandths of the currency's minor unit

	Limit time.Duration // per check; 0: 30 s
}

// Check is one invariant and what breaks it.
type Check struct {
	Name     string    `json:"check"`
	Do       string    `json:"do"`
	Findings []Finding `json:"findings"`
	Took     string    `json:"took"`
	Error    string    `json:"error,omitempty"` // the check itself did not come to an end
}

// Finding is a place where an invariant does not hold.
type Finding struct {
	Place string `json:"place"`
	What  string `json:"what"`
}

// most is how many findings of a check are listed.
const most = 20

// Examine runs every check, each in a read-only transaction bounded in time,
// and returns them all in order.
func (d Doctor) Examine(ctx context.Context, db *store.DB) []Check {
	if d.Limit == 0 {
		d.Limit = 30 * time.Second
	}
	checks := d.readChecks(doctorSQL)
	checks = append(checks, d.factsCheck(), countsCheck(), movesCheck(), sumsCheck(), d.capCheck(), d.quietCheck())
	if d.Tiers != nil {
		checks = append(checks, check{name: "a tier has a rule or a person that says so", do: "`regulars tier show MEMBER`; set right what is wrong with `regulars tier set`", find: d.Tiers})
	}
	if d.Points != nil {
		checks = append(checks, d.liabilityCheck(), check{name: "an order has the points that it earns", find: d.Points,
			do: "`regulars member points MEMBER` shows them, `regulars points give MEMBER N --because WHY` sets them right; report the order"})
	}
	if d.Cards != nil {
		checks = append(checks, check{name: "a card that is full gave its code", find: d.Cards, do: "the member's next stamp gives it, as `regulars stamps give MEMBER CARD 1 --because WHY` does; report the card"})
	}
	var done []Check
	for _, c := range checks {
		done = append(done, d.run(ctx, db, c))
	}
	return done
}

// check is an invariant and how it is asked.
type check struct {
	name, do string
	often    bool // cheap enough to be asked again and again
	find     func(*store.Tx) ([]Finding, error)
}

// Findings counts what the cheap checks find: enough to ring a bell by, while
// Examine says what it is.
func Findings(tx *store.Tx) (n int, err error) {
	for _, c := range (Doctor{}).readChecks(doctorSQL) {
		if !c.often {
			continue
		}
		found, err := c.find(tx)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", c.name, err)
		}
		n += len(found)
	}
	return n, nil
}

func (d Doctor) run(ctx context.Context, db *store.DB, c check) Check {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d.Limit)
	defer cancel()
	out := Check{Name: c.name, Do: c.do, Findings: []Finding{}}
	err := db.View(ctx, func(tx *store.Tx) error {
		found, err := c.find(tx)
		out.Findings = append(out.Findings, found...)
		return err
	})
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded): // drivers say it in words of their own
		out.Error = fmt.Sprintf("took longer than %s", d.Limit)
	case err != nil:
		out.Error = err.Error()
	}
	out.Took = time.Since(began).Round(time.Millisecond).String()
	return out
}

// readChecks takes the file of checks apart.
func (d Doctor) readChecks(text string) (checks []check) {
	for _, part := range strings.Split(text, "-- check: ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		do, query, _ := strings.Cut(strings.TrimPrefix(rest, "-- do: "), "\n")
		query, often := strings.CutPrefix(query, "-- often\n")
		query = strings.TrimSuffix(strings.TrimSpace(query), ";")
		checks = append(checks, check{name, do, often, func(tx *store.Tx) ([]Finding, error) { return d.ask(tx, query) }})
	}
	return checks
}

var moment = regexp.MustCompile(`\{(micros|when) ([@a-z_.]+)\}`)

// ask runs a check's query.
func (d Doctor) ask(tx *store.Tx, query string) (found []Finding, err error) {
	query = moment.ReplaceAllStringFunc(query, func(m string) string {
		part := moment.FindStringSubmatch(m)
		return form(tx, part[1], part[2])
	})
	args := store.Args{"now": tx.At, "today": int64(d.Today), "since": loyalty.At(d.Since.Time)}
	if d.Since.IsZero() {
		args["since"] = loyalty.At(time.Unix(0, 0))
	}
	err = tx.All(&found, fmt.Sprintf("%s limit %d", query, most), args)
	return found, err
}

// form writes an instant of a check in the engine's own words.
func form(tx *store.Tx, how, instant string) string {
	switch {
	case instant == "machine":
		instant = tx.Machine()
	case instant[0] == '@':
		instant = tx.Instant(instant)
	}
	switch {
	case how == "micros":
		return tx.Micros(instant)
	case tx.Postgres():
		return "to_char(" + instant + " at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
	default:
		return "strftime('%Y-%m-%d %H:%M:%S', " + instant + " / 1000000, 'unixepoch')"
	}
}

// factsCheck compares the facts with the SELECT that defines them.
func (d Doctor) factsCheck() check {
	const columns = `member_id, joined, joined_day, country, language, consent_offers, consent_newsletter, consent_program,
		orders, order_days, spent, quantity, largest, smallest, first_day, last_day, points, birthday, birth_year, usual_gap,
		points_pending, points_last_day, tier`
	return check{name: "facts are what orders and events say", do: "`regulars enqueue refresh facts=true` has a worker compute them anew; report the member", find: func(tx *store.Tx) ([]Finding, error) {
		var found []Finding
		// Materialized: SQLite would else go through its parts again for every row.
		err := tx.All(&found, `
			with defined as materialized (`+segments.FactsSelect(tx.Engine(), "")+`)
			select 'member ' || member_id as place, 'facts differ' as what
			from  (select member_id from (select `+columns+` from facts except select `+columns+` from defined) a
			       union
			       select member_id from (select `+columns+` from defined except select `+columns+` from facts) b) u
			order  by member_id
			limit @most`, store.Args{"day": int64(d.Today), "most": most})
		return found, err
	}}
}

// countsCheck compares what is counted of mails with the ledger.
func countsCheck() check {
	return check{name: "the counts of mails are what the ledger holds", do: "`regulars enqueue refresh counts=true` sets them right; report the numbers", find: func(tx *store.Tx) (found []Finding, err error) {
		miscounts, err := store.Miscounts(tx, most)
		for _, m := range miscounts {
			found = append(found, Finding{fmt.Sprintf("campaign %d, %s of %s", m.CampaignID, m.Step, m.Day),
				fmt.Sprintf("%d mails %s%s are counted, the ledger holds %d", m.Counted, m.State, colon(m.Reason), m.Held)})
		}
		return found, err
	}}
}

// movesCheck compares what is counted of who moved in segments with all stays.
func movesCheck() check {
	return check{name: "the days of segments are what their stays tell", do: "`regulars enqueue refresh counts=true` sets them right; report the numbers", find: func(tx *store.Tx) (found []Finding, err error) {
		mismoves, err := store.Mismoves(tx, most)
		for _, m := range mismoves {
			found = append(found, Finding{fmt.Sprintf("segment %s, %s", m.Segment, loyalty.Day(m.Day)),
				fmt.Sprintf("%d came and %d left as it is counted, %d and %d by the stays", m.Came, m.Went, m.CameHeld, m.WentHeld)})
		}
		return found, err
	}}
}

// sumsCheck compares the sums of points with all that was booked.
func sumsCheck() check {
	return check{name: "the sums of points are what was booked", do: "`regulars points rebuild` sets them right; report the numbers", find: func(tx *store.Tx) (found []Finding, err error) {
		missums, err := store.Missums(tx, most)
		for _, m := range missums {
			found = append(found, Finding{fmt.Sprintf("%s of %s", m.What, loyalty.Day(m.Day)), fmt.Sprintf("%d are summed, %d were booked", m.Summed, m.Held)})
		}
		return found, err
	}}
}

// liabilityCheck compares what points are worth by the report with what is left of each
// credit.
func (d Doctor) liabilityCheck() check {
	return check{name: "the points that the liability report counts are there", do: "`regulars points rebuild` makes lots anew, `regulars enqueue refresh facts=true` facts", find: func(tx *store.Tx) ([]Finding, error) {
		l, err := PointsLiability(tx, Ask{Day: d.Today, PointWorth: d.PointWorth})
		if err != nil {
			return nil, err
		}
		var left int64
		err = tx.One(&left, `
			select coalesce(cast(sum(remains) as bigint), 0) from lots
			where  wallet = 'points' and (last_day is null or last_day >= @today)`, store.Args{"today": int64(d.Today)})
		if err != nil || left == l.Points+l.Pending {
			return nil, err
		}
		return []Finding{{"report liability", fmt.Sprintf("it counts %d points, worth %d minor units; of credits %d are left, worth %d",
			l.Points+l.Pending, l.Nominal, left, loyalty.PointsWorth(left, d.PointWorth))}}, nil
	}}
}

// capCheck looks for more offers within a cap's window than it allows.
func (d Doctor) capCheck() check {
	return check{name: "no member got more offers than the caps allow", do: "find which campaign passed the gate twice", find: func(tx *store.Tx) ([]Finding, error) {
		var all []Finding
		for _, c := range d.Caps {
			var found []Finding
			err := tx.All(&found, `
				select 'member ' || member_id as place, 'send ' || id || ' is one too many for a cap' as what from (
					select id, member_id, handed_at,
					       lag(handed_at, cast(@n as integer)) over (partition by member_id order by handed_at, id) as before
					from   sends
					where  class = 'offer' and handed_at >= @from and state in ('sent', 'unknown', 'bounced', 'complained')
				) h
				where  before is not null and handed_at >= @since
				and    `+tx.Micros("handed_at")+` - `+tx.Micros("before")+` < @per
				limit  @most`,
				store.Args{"n": c.N, "from": loyalty.At(d.Since.Add(-c.Per)), "since": d.Since, "per": c.Per.Microseconds(), "most": most})
			if err != nil {
				return all, err
			}
			all = append(all, found...)
		}
		return all, nil
	}}
}

// quietCheck looks for hand-overs inside quiet hours.
func (d Doctor) quietCheck() check {
	return check{name: "nothing was handed over in quiet hours", do: "look at the member's zone and the campaign's quiet", find: func(tx *store.Tx) ([]Finding, error) {
		var found []Finding
		if d.Quiet == nil {
			return nil, nil
		}
		rows, err := tx.Query(`
			select s.id, s.campaign_id, s.class, m.time_zone, p.own_act_at, s.handed_at
			from   sends s
			join   members m on m.id = s.member_id
			left   join passages p on p.occurrence_id = s.occurrence_id and p.member_id = s.member_id
			where  s.handed_at >= @since and s.class <> 'service'`, store.Args{"since": d.Since})
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() && len(found) < most {
			var id, campaign int64
			var class, zone string
			var ownAct, handed loyalty.Instant
			if err := rows.Scan(&id, &campaign, &class, &zone, &ownAct, &handed); err != nil {
				return found, err
			}
			if d.Quiet(campaign, class, zone, ownAct, handed) {
				found = append(found, Finding{fmt.Sprintf("send %d", id), "handed over at " + handed.Format(time.RFC3339) + ", a quiet hour there"})
			}
		}
		return found, rows.Err()
	}}
}
