package tiers

import (
	"fmt"
	"strings"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The types of the events that tell what became of a stay.
const (
	tierUp     = "tier.up"
	tierKept   = "tier.kept"
	tierDown   = "tier.down"
	tierEnding = "tier.ending"
)

// How campaigns are to hear of a move.
const (
	asNews    = "news"
	asHistory = "history" // nothing starts by it
	notAtAll  = ""        // it is no event either
)

// move is what becomes of a member's standing.
type move struct {
	standing
	what    string          // loyalty.Up, Kept, Down
	to      loyalty.Stay    // afterwards
	day     loyalty.Day     // as of the end of which the rules were asked
	order   int64           // by which a tier was reached; 0: by none
	because string          // "": the rule, and what the member has
	by      string          // who said so; "": the rule
	at      loyalty.Instant // from which moment on it counts; none: that of the transaction
	heard   string
}

// explain has each move know why.
func (t *Tiers) explain(tx *store.Tx, moves []move) error {
	type group struct {
		place int
		day   loyalty.Day
	}
	of := map[group][]int64{}
	for i := range moves {
		m := &moves[i]
		if m.because != "" || m.to.Tier == 0 || m.what == loyalty.Kept {
			continue
		}
		if said, known := t.becauseOf(m.to.Tier, m.has); known {
			m.because = said
			continue
		}
		of[group{m.to.Tier, m.day}] = append(of[group{m.to.Tier, m.day}], m.Member)
	}
	for g, members := range of {
		said, err := t.because(tx, g.day, g.place, members)
		if err != nil {
			return err
		}
		for i := range moves {
			if m := &moves[i]; m.because == "" && m.to.Tier == g.place && m.day == g.day {
				m.because = said[m.Member]
			}
		}
	}
	return nil
}

// write writes down what became of members' standings, and tells campaigns. The caller
// holds the locks of their rows.
func (t *Tiers) write(tx *store.Tx, moves []move) error {
	if len(moves) == 0 {
		return nil
	}
	if err := t.explain(tx, moves); err != nil {
		return err
	}
	if err := t.keepStays(tx, moves); err != nil {
		return err
	}
	if err := t.moveStays(tx, moves); err != nil {
		return err
	}
	return t.tell(tx, moves)
}

// keepStays writes the last days of stays that go on.
func (t *Tiers) keepStays(tx *store.Tx, moves []move) error {
	var rows [][]any
	for _, m := range moves {
		if m.what == loyalty.Kept {
			rows = append(rows, []any{m.ID, lastDay(m.to)})
		}
	}
	if rows == nil {
		return nil
	}
	_, err := tx.Exec("update member_tiers set last_day = r.day, exact = false from "+tx.Values("id bigint", "day bigint")+" where member_tiers.id = r.id",
		store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("tiers that are kept: %w", err)
	}
	return nil
}

func lastDay(s loyalty.Stay) *int64 {
	if s.Last == 0 {
		return nil
	}
	day := int64(s.Last)
	return &day
}

// stayColumns are the rows r of moves from one stay, 0 for none, to another in a tier, ""
// for none.
var stayColumns = []string{"stay bigint", "member_id bigint", "tier text", "since_day bigint", "since_at timestamptz", "last_day bigint", "exact boolean",
	"because text", "by_whom text", "order_id bigint"}

// moveStays ends stays and begins others, which Postgres does in one statement: nobody has
// two at a time, so what ends is written before anything begins.
func (t *Tiers) moveStays(tx *store.Tx, moves []move) error {
	var rows [][]any
	for _, m := range moves {
		if m.what == loyalty.Kept {
			continue
		}
		at, order := m.at, (*int64)(nil)
		if at.IsZero() {
			at = tx.At
		}
		if m.order != 0 {
			order = &m.order
		}
		rows = append(rows, []any{m.ID, m.Member, t.name(m.to.Tier), int64(m.to.Since), at, lastDay(m.to), m.to.Exact, m.because, m.by, order})
	}
	if rows == nil {
		return nil
	}
	const (
		end   = "update member_tiers set left_day = r.since_day from $rows where member_tiers.id = r.stay"
		know  = "update facts set tier = r.tier, tier_at = $now from $rows where facts.member_id = r.member_id"
		begin = `
			insert into member_tiers (member_id, tier, since_day, since_at, last_day, exact, because, by_whom, order_id, version_id)
			select r.member_id, r.tier, r.since_day, r.since_at, r.last_day, r.exact, r.because, r.by_whom, r.order_id, cast(@version as bigint)
			from   $rows
			where  r.tier <> ''
			order  by r.member_id
			on conflict (member_id) where left_day is null do nothing`
	)
	steps, from := []string{end, know, begin}, tx.Wide(stayColumns...)
	if tx.Postgres() {
		steps = []string{"with r as materialized (select * from " + from + "), ended as (" + end + " returning 1), known as (" + know + ")" +
			strings.Replace(begin, "$rows", "$rows, (select count(*) from ended) e", 1)}
		from = "r"
	}
	for _, text := range steps {
		args := tx.Wider(rows, stayColumns...)
		args["version"], args["now"] = t.v.ID, tx.At
		if err := tx.Later(fmt.Sprintf("the tiers of %d members", len(rows)), strings.NewReplacer("$rows", from, "$now", tx.Instant("@now")).Replace(text), args); err != nil {
			return err
		}
	}
	return nil
}

// tell stores an event for each step up and for each move, and has campaigns hear of
// them: of several steps at once the highest alone is news, so that one mail goes out. A
// tier is named as loyalty.yaml names it, which is what a campaign's where and other
// systems compare with; what members call it, in their languages, mails say beside it.
func (t *Tiers) tell(tx *store.Tx, moves []move) error {
	var all []happenings.Own
	for _, m := range moves {
		if m.heard == notAtAll {
			continue
		}
		was := t.place(m.Tier)
		e := happenings.Own{Member: m.Member, Order: m.order, News: m.heard == asNews, Properties: map[string]any{"tier": t.name(m.to.Tier), "from": t.name(was)}}
		if m.to.Last != 0 {
			e.Properties["until"] = t.ladder.Ends(m.to).String()
		}
		stay := fmt.Sprintf("%d:%d:%s", m.Member, m.ID, m.to.Since)
		switch m.what {
		case loyalty.Up:
			for place := was + 1; place < m.to.Tier; place++ {
				step := e
				step.Type, step.Key, step.News = tierUp, fmt.Sprintf("tier.up:%s:%s", stay, t.name(place)), false
				step.Properties = map[string]any{"tier": t.name(place), "from": t.name(place - 1)}
				all = append(all, step)
				e.Properties["from"] = t.name(place)
			}
			e.Type, e.Key = tierUp, fmt.Sprintf("tier.up:%s:%s", stay, t.name(m.to.Tier))
		case loyalty.Down:
			e.Type, e.Key = tierDown, "tier.down:"+stay
		case loyalty.Kept:
			e.Type, e.Key = tierKept, fmt.Sprintf("tier.kept:%d:%s", m.ID, m.to.Last)
		}
		all = append(all, e)
	}
	return happenings.Tell(tx, t.today(tx), all)
}
