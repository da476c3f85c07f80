package why

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/rules"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// conditions says for each cause what of the campaign's rules stood in its way,
// and for a start to come, if there was no cause, what would.
func (a *question) conditions() error {
	causes := a.causes
	if len(causes) == 0 {
		causes = []cause{{run: runs.ForMany(a.c.Start.Kind) && a.c.Steps[0].Mail != ""}}
	}
	for _, s := range causes {
		before := len(a.lines)
		if err := a.stands(s); err != nil {
			return err
		}
		stopped := false
		for i := range a.lines[before:] {
			line := &a.lines[before+i]
			stopped = stopped || !line.OK
			if a.several {
				line.Text = s.what + ": " + line.Text
			}
		}
		if !stopped && len(a.causes) > 0 && !a.refused() {
			a.say("start", false, "%s", a.passedBy(s))
		}
	}
	return nil
}

// refused reports whether a line says already why the member does not start.
func (a *question) refused() bool {
	for _, l := range a.lines {
		if !l.OK && (l.About == "start" || l.About == "member") {
			return true
		}
	}
	return false
}

// passedBy says why a cause began nothing when every rule holds by now.
func (a *question) passedBy(s cause) string {
	switch {
	case s.at.Before(a.member.CreatedAt.Time):
		return fmt.Sprintf("came to us on %s, after %s", a.at(a.member.CreatedAt), s.what)
	case s.limit != "":
		return fmt.Sprintf("%s was %s, and others came first", s.what, s.limit)
	case s.at.Before(a.member.ChangedAt.Time):
		return fmt.Sprintf("did not belong to it at %s; what is known of the member has changed since, on %s", s.what, a.at(a.member.ChangedAt))
	}
	return fmt.Sprintf("did not belong to it at %s: one of its conditions holds by now and did not then", s.what)
}

// stands asks every rule of the campaign for one cause.
func (a *question) stands(s cause) error {
	c := a.c
	if s.rules != nil {
		c = s.rules
	}
	for _, rule := range []struct {
		about  string
		rule   *segments.Rule
		wanted bool
	}{{"where", c.Start.Where, true}, {"for", c.For, true}, {"except", c.Except, false}, {"if", firstIf(c, s), true}} {
		if rule.rule == nil || rule.about == "where" && s.event == nil {
			continue
		}
		if err := a.rule(s, rule.about, rule.rule, rule.wanted); err != nil {
			return err
		}
	}
	return a.again(s)
}

// firstIf is the condition of the first mail where it decides who gets a row in
// the ledger at all. In a flow those for whom it does not hold go on without it.
func firstIf(c *versions.Campaign, s cause) *segments.Rule {
	if s.run && len(c.Steps) == 1 {
		return c.Steps[0].If
	}
	return nil
}

func (a *question) rule(s cause, about string, r *segments.Rule, wanted bool) error {
	if personal, shared := rules.Reads(r); s.at.IsZero() && (personal || shared) {
		a.say(about, true, "%s %s: is answered at each start, with what starts it", about, clause(r))
		return nil
	}
	holds, err := a.holds(s, r)
	if u := (*segments.Unready)(nil); errors.As(err, &u) {
		a.say(about, false, "%s %s: %s", about, clause(r), u.Error())
		return nil
	}
	if err != nil {
		return err
	}
	answer := map[bool]string{true: "yes", false: "no"}[holds]
	if a.past(s) {
		answer += fmt.Sprintf(" (as of %s)", s.day)
	}
	a.say(about, holds == wanted, "%s %s: %s", about, clause(r), answer)
	return nil
}

// clause is a rule in words, to stand inside a sentence.
func clause(r *segments.Rule) string {
	words := strings.TrimSuffix(r.Words(), ".")
	return strings.ToLower(words[:1]) + words[1:]
}

func (a *question) past(s cause) bool { return !s.at.IsZero() && s.day < a.v.Day(a.tx.At) }

// holds asks a rule about the member, as of the end of the day of the cause.
func (a *question) holds(s cause, r *segments.Rule) (bool, error) {
	day, facts := a.v.Day(a.tx.At), "facts f"
	q := rules.Ask(a.tx, day, store.Args{})
	q.As.Launch, q.As.Event, q.As.Order, q.As.Occurrence = s.launch, s.event, s.order, s.occurrence
	in := q.Among([]int64{a.member.ID})
	if a.past(s) {
		q.As.Day, q.As.Past, q.Past = s.day, true, true
		q.Args["day"] = int64(s.day)
		facts = "(" + segments.FactsSelect(a.tx.Engine(), in) + ") f"
	}
	var found []int64
	condition := q.Holds(r)
	err := q.All(&found, "select f.member_id from "+facts+" join members m on m.id = f.member_id where f.member_id in "+in+" and "+condition)
	return len(found) > 0, err
}

// again says whether the member may start (again). A run looks into the ledger, a
// flow at passages, as the starts themselves do.
func (a *question) again(s cause) error {
	if a.c.Again.Each {
		return nil
	}
	args := store.Args{"member": a.member.ID, "campaign": a.c.ID, "occurrence": s.occurrence, "at": a.tx.At}
	if !s.at.IsZero() {
		args["at"] = s.at
	}
	var last struct{ Day, Underway int64 }
	query := `
		select coalesce(max(day), -1) as day, count(*) filter (where state in ('ready', 'sending')) as underway
		from   passages
		where  member_id = @member and campaign_id = @campaign and state <> 'recorded' and started_at <= @at`
	if s.run {
		query = `
		select coalesce(max(day), -1) as day, 0 as underway
		from   sends
		where  member_id = @member and campaign_id = @campaign and state <> 'skipped' and queued_at <= @at and occurrence_id <> @occurrence`
	}
	err := a.tx.One(&last, query, args)
	if err != nil || last.Day < 0 || last.Underway > 0 && s.at.IsZero() {
		return err
	}
	day, asOf := loyalty.Day(last.Day), a.v.Day(a.tx.At)
	if !s.at.IsZero() {
		asOf = s.day
	}
	if a.c.Again.After == 0 {
		a.say("again", false, "it started on %s, and starts once per member", day)
		return nil
	}
	next := day + loyalty.Day(a.c.Again.After)
	a.say("again", next <= asOf, "it started on %s, and may start again from %s on", day, next)
	return nil
}

// happened is an event as why tells of it.
type happened struct {
	ID, OrderID, Day int64
	Source           string
	At, ReceivedAt   loyalty.Instant
	Properties       string
	Began            bool // a passage
}

// isHistory says why an event, when it came, was history; "": it was news.
func (a *question) isHistory(e happened) string {
	late := e.ReceivedAt.Sub(e.At.Time)
	if late <= a.v.Program.NewsWithin {
		return ""
	}
	return fmt.Sprintf("we heard of it on %s, which is later than news_within (%s) allows, and history mails nobody",
		a.at(e.ReceivedAt), loyalty.Span(a.v.Program.NewsWithin))
}

// byFile reports whether orders of the member came in with an import: no event
// told of them.
func (a *question) byFile() (bool, error) {
	var n int
	err := a.tx.One(&n, "select count(*) from orders o where o.member_id = @member and not exists (select 1 from events e where e.member_id = o.member_id and e.order_id = o.id)",
		store.Args{"member": a.member.ID})
	return n > 0 || a.member.Filed, err
}

// named is a launch with its values, to be told apart from others.
func named(key string, values map[string]any) string {
	if !strings.HasPrefix(key, "launch:") {
		return "the run of " + key
	}
	name := strings.TrimPrefix(key, "launch:")
	if day, _, made := strings.Cut(name, ":"); made {
		name = day
	}
	var given []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		given = append(given, fmt.Sprintf("%s=%v", k, values[k]))
	}
	if len(given) == 0 {
		return "the launch " + name
	}
	return "the launch " + name + " (" + strings.Join(given, ", ") + ")"
}

// notFound makes nothing of a row that is not there.
func notFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
