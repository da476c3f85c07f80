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

func readSteps(r *loader, n *node, c *folder) {
	before := len(r.problems)
	defer func() { r.unclear[c.Name] = Blocked(r.problems[before:]) }()
	if !r.isA(n, list, "steps", "begin each step with - on a line of its own") {
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

// mailStep is a step or a choice being read.
type mailStep struct {
	Step
	c        *folder
	position int
}

// readStep reads one step: a wait, a choice or a mail.
func (r *loader) readStep(c *folder, n *node, position int) Step {
	if n.form == scalar {
		hint := "write - mail: " + n.text + ", or - wait: 7d"
		if _, err := loyalty.ParseWait(n.text); err == nil {
			hint = "write - wait: " + n.text
		}
		r.errorAt(n, fmt.Sprintf("%q alone is no step", n.text), hint)
		return Step{}
	}
	ks := stepKeys()
	s := ks.open(r, n)
	var kinds []string
	for _, key := range []string{"mail", "wait", "choose"} {
		if s.has(key) {
			kinds = append(kinds, key)
		}
	}
	switch {
	case s.n == nil:
		return Step{}
	case kinds == nil && s.has("coupon"):
		r.errorAt(n, "a coupon goes with the mail that shows it", "add mail: NAME")
		return Step{}
	case kinds == nil:
		r.errorAt(n, "the step does nothing", "a step is a mail, a wait or a choice")
		return Step{}
	case len(kinds) > 1:
		r.errorAt(n, "a step is a mail, a wait or a choice, not several of them", "make a step of each")
		return Step{}
	}
	step := mailStep{c: c, position: position}
	if kinds[0] == "mail" {
		ks.read(s, &step)
		return step.Step
	}
	step.Name = fmt.Sprintf("%s-%d", kinds[0], position)
	hint := map[string]string{"wait": "write it on the mail that follows", "choose": "write it on each choice"}[kinds[0]]
	for _, kv := range n.pairs {
		if other := kv.key.text; other != kinds[0] && slices.Contains(ks.names(), other) {
			r.errorAt(kv.key, fmt.Sprintf("%s does not go with %s", other, kinds[0]), hint)
		}
	}
	alone := keys[mailStep]{rows: slices.DeleteFunc(ks.rows, func(k key[mailStep]) bool { return k.name != kinds[0] })}
	alone.read(s, &step)
	return step.Step
}

func readWait(r *loader, n *node, step *mailStep) {
	w, ok := parsed(r, n, loyalty.ParseWait)
	if !ok {
		return
	}
	step.Wait = &w
	if w.BeforeCouponEnds > 0 {
		r.checkCouponEnds(step.c, n, w)
	}
}

// checkCouponEnds looks for a coupon that an earlier step gave and that ends,
// late enough for the wait to be one.
func (r *loader) checkCouponEnds(c *folder, n *node, w Wait) {
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
func readChoice(r *loader, n *node, step *mailStep) {
	if !r.isA(n, list, "choose", "write a line - {if: RULE, mail: NAME} for each choice") {
		return
	}
	given := slices.Clone(step.c.pools)
	after := given
	for i, item := range r.each(n) {
		step.c.pools = slices.Clone(given) // of several choices a member gets one
		choice := mailStep{c: step.c}
		s := choiceKeys().fill(r, item, &choice)
		if s.n != nil && !s.has("if") && i < len(n.items)-1 {
			r.errorAt(item, "a choice without if is always taken, and those after it never", "put it last, or give it an if")
		}
		switch {
		case s.has("mail"):
			step.Choose = append(step.Choose, choice.Step)
		case s.n != nil && !s.misspelt("mail"):
			r.errorAt(item, `"mail" is missing`, "a choice sends a mail: {if: RULE, mail: NAME}")
		}
		for _, p := range step.c.pools {
			if !slices.Contains(after, p) {
				after = append(after, p)
			}
		}
	}
	step.c.pools = after
}

// readMail reads the mail that a step or a choice sends.
func readMail(r *loader, n *node, step *mailStep) {
	c, name := step.c, r.words(n)
	switch ext := path.Ext(name); {
	case name == "":
		return
	case name == issuesFolder+"/*":
		name, step.Issues = issuesFolder, true
		if c.Start.Kind != "every" && c.Start.Kind != "" {
			r.errorAt(n, "issues/* is for campaigns with a timetable, {every: …}: they have one file per date", "name one mail")
		}
	case slices.Contains(extensions, ext):
		bare := strings.TrimSuffix(name, ext)
		if i := strings.LastIndexByte(bare, '.'); i > 0 {
			bare = bare[:i]
		}
		r.errorAt(n, fmt.Sprintf("%q is a file, and a mail has one per language", name), "write the name alone: "+bare)
		return
	case !r.checkName(n, "a mail", name):
		return
	}
	if c.sent[name] != nil {
		r.errorAt(n, fmt.Sprintf("mail %s is sent by an earlier step already", name), "two steps never share a mail: copy the files under another name")
		return
	}
	c.sent[name] = n
	step.Name, step.Mail = name, name
}

func readCoupon(r *loader, n *node, step *mailStep) {
	c := step.c
	step.Coupon = r.words(n)
	if step.Coupon == "" {
		return
	}
	p := r.pool(step.Coupon)
	switch {
	case p == nil:
		r.errorAt(n, fmt.Sprintf("%q is not a pool", step.Coupon), suggest(step.Coupon, r.program.Scope().AllPools, "name it in pools.yaml"))
	case c.Start.Kind == "at" && p.ValidUntil != 0 && p.ValidUntil < c.Start.Date:
		r.errorAt(n, fmt.Sprintf("the codes of pool %s end on %s, before the campaign starts on %s", p.Name, p.ValidUntil, c.Start.Date), "set a later valid_until in pools.yaml")
	}
	if !slices.Contains(c.pools, step.Coupon) {
		c.pools = append(c.pools, step.Coupon)
	}
}

func readEmpty(r *loader, n *node, step *mailStep) {
	if step.Coupon == "" {
		r.errorAt(n, "empty says what to do when the codes run out, but this step gives none", "add coupon: POOL, or leave it out")
		return
	}
	step.Empty, _ = oneOf("skip", "hold", "send without").read(r, n)
}

// usuallyEmpty is what to do when the file does not say it.
func usuallyEmpty(_ *loader, step *mailStep) {
	switch {
	case step.Coupon == "":
	case step.c.Class == loyalty.Earned:
		step.Empty = "hold"
	default:
		step.Empty = "skip"
	}
}

func (r *loader) pool(name string) *Pool {
	for i := range r.program.Pools {
		if r.program.Pools[i].Name == name {
			return &r.program.Pools[i]
		}
	}
	return nil
}

// String returns the end as campaign.yaml has it.
func (u Until) String() string {
	switch u.Kind {
	case "event":
		return "event " + u.Event
	case "rule":
		return ruleText(u.Rule)
	}
	return strings.ReplaceAll(u.Kind, "_", " ")
}

// String returns the step in a few words: the mail with its coupon and condition.
func (s Step) String() string {
	switch {
	case s.Wait != nil:
		return "wait " + s.Wait.String()
	case len(s.Choose) > 0:
		return "one of (" + joined(s.Choose, "; ") + ")"
	}
	text := s.Mail
	if s.Coupon != "" {
		text += " with " + s.Coupon + " (empty: " + s.Empty + ")"
	}
	if s.Topic != "" {
		text += " as " + s.Topic
	}
	if s.If != nil {
		text += " if " + s.If.Text()
	}
	return text
}

func joined[T fmt.Stringer](parts []T, between string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.String()
	}
	return strings.Join(texts, between)
}

func ruleText(r *segments.Rule) string {
	if r == nil {
		return ""
	}
	return r.Text()
}
