package program

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// mostSteps bounds a campaign's steps: nobody reads through more.
const mostSteps = 100

// readSteps reads the flow.
func (r *reading) readSteps(c *folder) {
	before := len(r.problems)
	r.readFlow(c)
	r.unclear[c.Name] = Blocked(r.problems[before:])
}

func (r *reading) readFlow(c *folder) {
	n := c.g.must("steps", "say what the campaign sends: steps: with a line - mail: NAME for each mail")
	if n == nil {
		return
	}
	if n.form != list {
		r.errorAt(n, fmt.Sprintf("steps is a list, but here stands %s", n.form), "begin each step with - on a line of its own")
		return
	}
	items := r.each(n)
	if len(items) > mostSteps {
		r.errorAt(items[mostSteps], fmt.Sprintf("the campaign has more than %d steps", mostSteps), "divide it into several")
		return
	}
	for i, item := range items {
		c.Steps = append(c.Steps, r.readStep(c, item, i+1))
	}
	if last := len(c.Steps) - 1; last >= 0 && c.Steps[last].Wait != nil {
		r.warnAt(items[last], "nothing comes after this wait", "add a step, or leave the wait out")
	}
	if len(c.sent) == 0 && len(items) > 0 {
		r.errorAt(n, "no step sends a mail", "add a line - mail: NAME")
	}
}

// readStep reads one step: a wait, a choice or a mail.
func (r *reading) readStep(c *folder, n *node, position int) Step {
	if n.form == scalar {
		r.errorAt(n, fmt.Sprintf("%q alone is no step", n.text), stepHint(n.text))
		return Step{}
	}
	g := r.group(n, stepPlace)
	kinds := 0
	for _, key := range []string{"mail", "wait", "choose"} {
		if g.has(key) {
			kinds++
		}
	}
	switch {
	case g.n == nil:
	case kinds == 0 && g.has("coupon"):
		r.errorAt(n, "a coupon goes with the mail that shows it", "add mail: NAME")
	case kinds == 0:
		r.errorAt(n, "the step does nothing", "a step is a mail, a wait or a choice")
	case kinds > 1:
		r.errorAt(n, "a step is a mail, a wait or a choice, not several of them", "make a step of each")
	case g.has("wait"):
		return r.readWait(c, g, position)
	case g.has("choose"):
		return r.readChoice(c, g, position)
	default:
		return r.readMail(c, g)
	}
	return Step{}
}

// stepHint is how a step is written that stands there as a single value.
func stepHint(text string) string {
	if _, err := loyalty.ParseWait(text); err == nil {
		return "write - wait: " + text
	}
	return "write - mail: " + text + ", or - wait: 7d"
}

// alone reports the keys that stand beside one which stands alone.
func (r *reading) alone(g group, key, hint string) {
	for _, other := range stepPlace.keys {
		if other != key && g.has(other) {
			r.errorAt(g.key(other), fmt.Sprintf("%s does not go with %s", other, key), hint)
		}
	}
}

func (r *reading) readWait(c *folder, g group, position int) Step {
	r.alone(g, "wait", "write it on the mail that follows")
	step := Step{Name: fmt.Sprintf("wait-%d", position)}
	n := g.get("wait")
	w, ok := read(r, n, loyalty.ParseWait)
	if !ok {
		return step
	}
	step.Wait = &w
	if w.BeforeCouponEnds > 0 {
		r.checkCouponEnds(c, n, w)
	}
	return step
}

// checkCouponEnds looks for a coupon that an earlier step gave and that ends,
// late enough for the wait to be one.
func (r *reading) checkCouponEnds(c *folder, n *node, w Wait) {
	if len(c.pools) == 0 {
		r.errorAt(n, "no step before this wait gives a coupon", "give one earlier, or wait for a number of days")
		return
	}
	longest := 0
	for _, name := range c.pools {
		if p := r.pool(name); p != nil && p.ValidUntil != 0 {
			return
		} else if p != nil {
			longest = max(longest, p.ValidFor)
		}
	}
	last := c.pools[len(c.pools)-1]
	switch {
	case longest == 0:
		r.errorAt(n, fmt.Sprintf("the codes of pool %s never end", last), "give the pool valid_for or valid_until in pools.yaml")
	case w.BeforeCouponEnds >= longest:
		r.warnAt(n, fmt.Sprintf("codes of pool %s are good for %dd, so this wait is over at once", last, longest), "wait for fewer days before they end")
	}
}

// readChoice reads choose: the first whose if holds.
func (r *reading) readChoice(c *folder, g group, position int) Step {
	r.alone(g, "choose", "write it on each choice")
	step := Step{Name: fmt.Sprintf("choose-%d", position)}
	n := g.get("choose")
	if n == nil {
		return step
	}
	if n.form != list {
		r.errorAt(n, fmt.Sprintf("choose is a list, but here stands %s", n.form), "write a line - {if: RULE, mail: NAME} for each choice")
		return step
	}
	given := slices.Clone(c.pools)
	after := given
	for i, item := range r.each(n) {
		c.pools = slices.Clone(given) // of several choices a member gets one
		choice := r.group(item, choicePlace)
		if choice.n != nil && !choice.has("if") && i < len(n.items)-1 {
			r.errorAt(item, "a choice without if is always taken, and those after it never", "put it last, or give it an if")
		}
		choice.must("mail", "a choice sends a mail: {if: RULE, mail: NAME}")
		if choice.has("mail") {
			step.Choose = append(step.Choose, r.readMail(c, choice))
		}
		for _, p := range c.pools {
			if !slices.Contains(after, p) {
				after = append(after, p)
			}
		}
	}
	c.pools = after
	return step
}

// readMail reads a step or a choice that sends a mail.
func (r *reading) readMail(c *folder, g group) Step {
	step := Step{}
	r.readCoupon(c, g, &step)
	step.If = r.ruleOrSegment(g.get("if"), r.stepRules(c))
	if n := g.get("topic"); n != nil {
		step.Topic = r.topic(n)
	}
	n := g.get("mail")
	name := r.words(n)
	switch {
	case name == "":
		return step
	case name == issuesFolder+"/*":
		name, step.Issues = issuesFolder, true
		if c.Start.Kind != "every" && c.Start.Kind != "" {
			r.errorAt(n, "issues/* is for campaigns with a timetable, {every: …}: they have one file per date", "name one mail")
		}
	case slices.Contains(extensions, path.Ext(name)):
		bare := strings.TrimSuffix(name, path.Ext(name))
		if i := strings.LastIndexByte(bare, '.'); i > 0 {
			bare = bare[:i]
		}
		r.errorAt(n, fmt.Sprintf("%q is a file, and a mail has one per language", name), "write the name alone: "+bare)
		return step
	case !r.checkName(n, "a mail", name):
		return step
	}
	if c.sent[name] != nil {
		r.errorAt(n, fmt.Sprintf("mail %s is sent by an earlier step already", name), "two steps never share a mail: copy the files under another name")
		return step
	}
	c.sent[name] = n
	step.Name, step.Mail = name, name
	return step
}

// stepRules is what the if of a step may read: a code's fate too.
func (r *reading) stepRules(c *folder) segments.Scope {
	s := r.rules(c)
	s.Pools = append([]string{}, c.pools...)
	return s
}

// readCoupon reads the pool whose code a mail shows, and what to do without one.
func (r *reading) readCoupon(c *folder, g group, step *Step) {
	n := g.get("coupon")
	if n == nil {
		if g.has("empty") {
			r.errorAt(g.key("empty"), "empty says what to do when the codes run out, but this step gives none", "add coupon: POOL, or leave it out")
		}
		return
	}
	step.Coupon = r.words(n)
	p := r.pool(step.Coupon)
	switch {
	case step.Coupon == "":
	case p == nil:
		r.errorAt(n, fmt.Sprintf("%q is not a pool", step.Coupon), suggest(step.Coupon, r.poolNames(), "name it in pools.yaml"))
	case c.Start.Kind == "at" && p.ValidUntil != 0 && p.ValidUntil < c.Start.Date:
		r.errorAt(n, fmt.Sprintf("the codes of pool %s end on %s, before the campaign starts on %s", p.Name, p.ValidUntil, c.Start.Date), "set a later valid_until in pools.yaml")
	}
	if !slices.Contains(c.pools, step.Coupon) && step.Coupon != "" {
		c.pools = append(c.pools, step.Coupon)
	}
	step.Empty = "skip"
	if c.Class == loyalty.Earned {
		step.Empty = "hold"
	}
	if n := g.get("empty"); n != nil {
		step.Empty = r.oneOf(n, "skip", "hold", "send without")
	}
}

func (r *reading) pool(name string) *Pool {
	for i := range r.program.Pools {
		if r.program.Pools[i].Name == name {
			return &r.program.Pools[i]
		}
	}
	return nil
}

func (r *reading) poolNames() (names []string) {
	for _, p := range r.program.Pools {
		names = append(names, p.Name)
	}
	return names
}
