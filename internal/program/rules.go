package program

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// everybody is the rule that stands for one that is broken, so that its mistake
// is reported once and not wherever its name is used.
const everybody = "orders >= 0"

// readSegments reads segments.yaml. Each rule is checked twice: alone, which
// shows its own mistakes, and with the others, which shows rules that go round
// in a circle.
func (r *loader) readSegments() {
	root := r.own(segmentsFile)
	if root == nil {
		return
	}
	check := func(kv pair) *segments.Rule {
		s := r.scope()
		s.Self = kv.key.text
		return r.rule(kv.value, s, segments.Parse)
	}
	var named, sound []pair
	for _, kv := range r.few((section{r, root}).pairs()) {
		if r.checkName(kv.key, "a segment", kv.key.text) && kv.value.form == scalar {
			named = append(named, kv)
			r.segments[kv.key.text] = everybody
		} else if kv.value.form != scalar {
			r.rule(kv.value, r.scope(), segments.Parse)
		}
	}
	for _, kv := range named {
		if check(kv) != nil {
			sound = append(sound, kv)
		}
	}
	for _, kv := range sound {
		r.segments[kv.key.text] = strings.TrimSpace(kv.value.text)
	}
	for _, kv := range sound {
		if rule := check(kv); rule != nil {
			r.program.Segments = append(r.program.Segments, Segment{kv.key.text, rule})
		}
	}
}

// scope is what every rule of the program may read.
func (r *loader) scope() segments.Scope {
	s := r.program.Scope()
	s.Segments, s.Campaigns = r.segments, r.campaignNames()
	s.Tiers, s.TierRules, s.Graces, s.Cards, s.Rewards = r.tiers, r.tierRules, r.graces, r.cards, r.rewards
	_, s.Booked = r.files[loyaltyFile]
	if r.blind {
		s.AllPools, s.Tiers, s.Cards, s.Rewards = nil, nil, nil, nil // they cannot be told
	}
	return s
}

// Scope is what a rule may read that stands outside of campaigns: one that a
// person types, say.
func (p *Program) Scope() segments.Scope {
	s := segments.Scope{Currency: p.Currency, Lifecycle: p.Lifecycle, Attributes: p.Attributes, Segments: map[string]string{},
		AllPools: []string{}, Campaigns: []string{}, FavouritesExcept: p.FavouritesExcept}
	for _, segment := range p.Segments {
		s.Segments[segment.Name] = segment.Rule.Text()
	}
	for _, pool := range p.Pools {
		s.AllPools = append(s.AllPools, pool.Name)
	}
	for _, c := range p.Campaigns {
		s.Campaigns = append(s.Campaigns, c.Name)
	}
	s.Tiers, s.Cards, s.Rewards = []string{}, map[string]int64{}, map[string]segments.Price{}
	if s.Booked = p.Loyalty != nil; s.Booked {
		s.TierRules, s.Graces = map[string]string{}, p.Loyalty.graces()
		for _, t := range p.Loyalty.Tiers {
			s.Tiers = append(s.Tiers, t.Name)
			s.TierRules[t.Name] = t.When.Text()
		}
		for _, c := range p.Loyalty.Cards {
			s.Cards[c.Name] = c.Full
		}
		for _, w := range p.Loyalty.Rewards {
			s.Rewards[w.Name] = p.Price(w)
		}
	}
	return s
}

// graces are those of the tiers that have one.
func (l *Loyalty) graces() map[string]loyalty.Period {
	all := map[string]loyalty.Period{}
	for _, t := range l.Tiers {
		if t.Grace != (loyalty.Period{}) {
			all[t.Name] = t.Grace
		}
	}
	return all
}

// Price is what has to be so for a member to claim a reward, as rules ask for it.
func (p *Program) Price(w Reward) segments.Price {
	price := segments.Price{Points: w.Price, Tiers: w.Tiers, AtMost: w.AtMost, Takes: w.Takes(p.Loyalty.Budget, w.Amount), Budget: p.Loyalty.Budget}
	if of, known := p.pool(w.Gives); known {
		price.Stock = of.left()
	}
	return price
}

// left is the pool as rules ask whether it has a code left.
func (p Pool) left() segments.Stock {
	told := p.Kind == Generated && p.Checkout == "file"
	return segments.Stock{Pool: p.Name, Shared: p.Kind == Shared, Mints: p.Kind == Generated && !told, Told: told, Most: p.Stock, Budget: p.Budget,
		Worth: p.Cost(), Until: p.ValidUntil}
}

// Takes is what a claim of the reward takes of a budget of rewards: one of them, or what it
// costs, of one that is money its worth.
func (w Reward) Takes(b loyalty.Budget, worth int64) int64 {
	switch {
	case !b.Money:
		return 1
	case w.Gives == "":
		return worth
	}
	return w.Cost
}

// ruleOrSegment reads a rule, or the bare name of a segment; nil, and reported,
// when it is neither.
func (r *loader) ruleOrSegment(n *node, s segments.Scope) *segments.Rule {
	if n.form == scalar && r.segments[n.text] == "" && !strings.ContainsAny(n.text, ` "'()<>=`) {
		if near := loyalty.Nearest(n.text, sortedKeys(r.segments)); near != "" {
			r.errorAt(n, fmt.Sprintf("%q is neither a segment nor a rule", n.text), fmt.Sprintf("did you mean %q?", near))
			return nil
		}
	}
	return r.rule(n, s, segments.ParseNamed)
}

// rule reads a rule; nil, and reported at its column, when it is wrong.
func (r *loader) rule(n *node, s segments.Scope, parse func(string, segments.Scope) (*segments.Rule, error)) *segments.Rule {
	if n.form == list || n.form == mapping {
		r.errorAt(n, fmt.Sprintf("a rule belongs here, not %s", n.form), `put a rule that begins with [ or { in single quotes`)
		return nil
	}
	return r.ruleFrom(n, 0, s, parse)
}

// ruleFrom reads the rule that begins at an offset of a value.
func (r *loader) ruleFrom(n *node, offset int, s segments.Scope, parse func(string, segments.Scope) (*segments.Rule, error)) *segments.Rule {
	text := strings.TrimSpace(n.text[offset:])
	begins := offset + strings.Index(n.text[offset:], text)
	rule, err := parse(text, s)
	if err == nil {
		r.text(n) // warns of a comment that may not be one
		if segments.Never(rule, nil) {
			r.neverAt(n, "no member can be like this: the rule contradicts itself", "")
		}
		r.untracked(n, rule)
		r.unkept(n, rule)
		for _, name := range rule.Names() {
			if name.Segment == "" { // of another segment it is said where that stands
				line, col := n.where(name.Offset + begins)
				r.named = append(r.named, Named{name, n.src.file, line, col})
			}
		}
		return rule
	}
	if r.cutShort(n, text) {
		return nil
	}
	at, message, hint := n, err.Error(), ""
	var wrong *segments.Error
	if errors.As(err, &wrong) {
		message = wrong.Message
		if len(wrong.Near) > 0 && !strings.Contains(wrong.Message, wrong.Near[0]) {
			hint = fmt.Sprintf("did you mean %q?", wrong.Near[0])
		}
		line, col := n.where(wrong.Offset + begins)
		at = &node{src: n.src, line: line, col: col}
	}
	r.errorAt(at, message, hint)
	return nil
}

// cutShort reports a rule with an open quote or bracket that YAML ended at a #
// or a comma: what is wrong then is not what the rest of the rule says.
func (r *loader) cutShort(n *node, text string) bool {
	if !n.plain || closed(text) {
		return false
	}
	const hint = "put the whole rule in single quotes"
	if comment, line, col := n.comment(); comment != "" {
		r.errorAt(&node{src: n.src, line: line, col: col}, "YAML ends the rule here, since a blank and # begin a comment", hint)
		return true
	}
	line, col := n.where(len(n.text) - 1)
	if rest := n.src.rest(line, col+1); strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, "}") {
		r.errorAt(&node{src: n.src, line: line, col: col + 1}, fmt.Sprintf("YAML ends the rule here, since %s ends a value inside [ ] and { }", rest[:1]), hint)
		return true
	}
	return false
}

// closed reports whether the quotes and brackets of a rule are closed.
func closed(text string) bool {
	depth, quote := 0, rune(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		}
	}
	return depth == 0 && quote == 0
}

// neverAt warns of something that can never happen.
func (r *loader) neverAt(n *node, message, hint string) {
	r.problems = append(r.problems, Problem{File: n.src.file, Line: n.line, Column: n.col, Message: message, Hint: hint, Level: Warning, Never: true})
}

// untracked warns of a rule that reads what members do with mails, where the
// program does not let anybody see it: then it is nobody, and its opposite everybody.
func (r *loader) untracked(n *node, rule *segments.Rule) {
	if r.blind {
		return
	}
	t := r.program.Tracking
	var unseen []string
	for _, field := range rule.Reads() {
		switch {
		case !t.Clicks && slices.Contains([]string{"clicked", "mails_clicked", "days_since_click"}, field),
			!t.Clicks && !t.Opens && slices.Contains([]string{"opened", "mails_opened", "days_since_open"}, field):
			unseen = append(unseen, field)
		}
	}
	if unseen == nil {
		return
	}
	key := map[bool]string{true: "opens", false: "clicks"}[strings.Contains(unseen[0], "open")]
	r.neverAt(n, fmt.Sprintf("the rule reads %s, and tracking is off: nobody is ever seen to, so it holds for nobody, and its opposite for everybody", strings.Join(unseen, " and ")),
		"say tracking: {"+key+": true} in program.yaml, or leave it out of the rule")
}

// unkept warns of a rule that reads what only a program with loyalty.yaml keeps.
func (r *loader) unkept(n *node, rule *segments.Rule) {
	if _, kept := r.files[loyaltyFile]; kept || r.blind {
		return
	}
	var none []string
	for _, field := range rule.Reads() {
		if segments.OfLoyalty(field) {
			none = append(none, field)
		}
	}
	if none != nil {
		r.warnAt(n, fmt.Sprintf("the rule reads %s, and without a loyalty.yaml no member has any", strings.Join(none, " and ")), "write loyalty.yaml, or leave it out of the rule")
	}
}

// nobody warns of a campaign that is for nobody.
func (r *loader) nobody(c *folder) {
	switch {
	case c.For != nil && segments.Never(c.For, nil): // said where the rule was read
	case c.Except != nil && segments.Never(c.For, c.Except):
		r.neverAt(c.keys.get("except"), "everybody whom for keeps is excepted here, so the campaign is for nobody", "narrow one of the two")
	case c.Start.Segment != "" && c.Start.Kind == "enters":
		inside := rulesOf(r.program)[c.Start.Segment]
		if inside != nil && (c.For != nil && segments.Nobody(inside, c.For, nil) || c.Except != nil && segments.Nobody(inside, c.For, c.Except)) {
			r.neverAt(cmp.Or(c.keys.get("except"), c.keys.get("for")), fmt.Sprintf("nobody who is in %s can get this campaign: its rules and this one exclude each other", c.Start.Segment), "narrow one of them")
		}
	}
}

// Named is a name in a program directory that no file of it declares: what there
// is of its kind is what came in.
type Named struct {
	segments.Name
	File         string
	Line, Column int
}

// Names returns the names of such kinds in the rules of a program's files, the
// events that start and end its campaigns, and what its pools, milestones and
// favourites name, as a reader goes through the files.
func Names(files map[string]string) []Named {
	all := load(files).named
	slices.SortStableFunc(all, func(a, b Named) int {
		return cmp.Or(cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(all) // a segment's rule is read twice
}

// Warning says of a name that nobody has it, where it stands.
func (n Named) Warning(message, hint string) Problem {
	return Problem{File: n.File, Line: n.Line, Column: n.Column, Message: message, Hint: hint, Level: Warning}
}

// name keeps a name that stands by itself.
func (r *loader) name(n *node, kind segments.Kind, text string) {
	if n != nil && text != "" {
		r.named = append(r.named, Named{segments.Name{Kind: kind, Text: text}, n.src.file, n.line, n.col})
	}
}
