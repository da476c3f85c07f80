package program

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// folder is a campaign being read.
type folder struct {
	*Campaign
	path  string // campaigns/NAME/
	g     group
	pools []string         // whose codes the steps read so far give
	sent  map[string]*node // mail → where a step names it
}

// readCampaign reads one folder. What its start is decides most defaults, and its
// steps some, so these come before the rest.
func (r *reading) readCampaign(name string) {
	path := CampaignsRoot + name + "/"
	file := path + campaignFile
	if name == ConfirmCampaign {
		r.unclear[name] = true
		r.fileProblem(file, Error, "confirm is the name of the campaign that join: {confirm: true} brings", "call this one something else")
		return
	}
	if _, ok := r.files[file]; !ok {
		r.fileProblem(file, Error, "the file is missing", "a folder below campaigns is a campaign and needs one")
		return
	}
	root := r.yaml(file)
	if root == nil {
		r.unclear[name] = true
		return
	}
	if !r.checkName(&node{src: root.src, line: 1, col: 1}, "a campaign", name) || r.blind {
		return
	}
	c := &folder{Campaign: &Campaign{Name: name}, path: path, g: r.group(root, campaignPlace), sent: map[string]*node{}}
	r.readStart(c)
	r.readManner(c)
	r.readSteps(c)
	r.readAudience(c)
	r.readTiming(c)
	r.readMails(c)
	r.program.Campaigns = append(r.program.Campaigns, c.Campaign)
}

// readManner reads live, was, class and topic.
func (r *reading) readManner(c *folder) {
	c.Live = r.yes(c.g.get("live"), false)
	r.readFormerName(c)
	c.Class = classOf(c.Start)
	if n := c.g.get("class"); n != nil {
		c.Class = r.oneOf(n, loyalty.Offer, loyalty.Earned, loyalty.Service)
	}
	c.Topic = topicOf(c.Start)
	if n := c.g.get("topic"); n != nil {
		c.Topic = r.topic(n)
	} else if at := c.g.key("start"); r.program.Topics[c.Topic] == nil && at != nil {
		r.errorAt(at, fmt.Sprintf("a campaign that starts so has the topic %s, which program.yaml does not name", c.Topic), "add it to topics there, or say topic: here")
	}
}

// classOf is the class of a campaign that names none. A member has earned the
// welcome and the milestone (design: section 7, the gate); the rest is advertising
// until the file says otherwise.
func classOf(s Start) string {
	if s.Kind == "joins" || s.Kind == "milestone" {
		return loyalty.Earned
	}
	return loyalty.Offer
}

// topicOf is the topic of a campaign that names none.
func topicOf(s Start) string {
	switch s.Kind {
	case "joins", "milestone", "yearly", "date":
		return loyalty.Program
	case "every":
		return loyalty.Newsletter
	}
	return loyalty.Offers
}

// topic reads the name of a topic of the program.
func (r *reading) topic(n *node) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	if _, known := r.program.Topics[text]; !known {
		r.errorAt(n, fmt.Sprintf("%q is not a topic of the program", text), suggest(text, sortedKeys(r.program.Topics), ""))
		return ""
	}
	return text
}

// readFormerName reads was. That the campaign had this name once cannot be seen
// here; that another one still has it can.
func (r *reading) readFormerName(c *folder) {
	n := c.g.get("was")
	c.Was = r.words(n)
	if c.Was == "" {
		return
	}
	_, still := r.files[CampaignsRoot+c.Was+"/"+campaignFile]
	switch other := r.was[c.Was]; {
	case c.Was == c.Name:
		r.errorAt(n, fmt.Sprintf("%s is the name of this campaign itself", c.Was), "write the name that it had before, or leave was out")
	case still:
		r.errorAt(n, fmt.Sprintf("campaign %s still has its folder", c.Was), "delete campaigns/"+c.Was+", or this line")
	case other != "":
		r.errorAt(n, fmt.Sprintf("campaign %s says that it was %s too", other, c.Was), "only one campaign can be its new name")
	}
	r.was[c.Was] = c.Name
}

// rules is what a rule of this campaign may read: the program's, and what its
// start brings with it.
func (r *reading) rules(c *folder) segments.Scope {
	s := r.scope()
	s.Launch = c.Start.Launch
	s.Event = c.Start.Kind == "event"
	s.Order = s.Event && hasOrder(c.Start.Event)
	return s
}

// hasOrder reports whether events of a type bring an order.
func hasOrder(event string) bool {
	return strings.HasPrefix(event, "order.") || event == loyalty.CheckoutStarted
}

// readAudience reads for, except, until, again and the holdout.
func (r *reading) readAudience(c *folder) {
	c.For = r.ruleOrSegment(c.g.get("for"), r.rules(c))
	c.Except = r.ruleOrSegment(c.g.get("except"), r.rules(c))
	for _, n := range r.each(c.g.get("until")) {
		if u, ok := r.until(c, n); ok {
			c.Until = append(c.Until, u)
		}
	}
	r.nobody(c)
	r.readAgain(c)
	r.readHoldout(c)
}

// ends are the ways in which a passage ends early, besides an event and a rule.
var ends = []string{"order", "leaves", "coupon used", "cancelled"}

// until reads one way in which a passage ends early.
func (r *reading) until(c *folder, n *node) (Until, bool) {
	text := strings.Join(strings.Fields(n.text), " ")
	if event, ok := strings.CutPrefix(text, "event "); ok && n.form == scalar {
		return Until{Kind: "event", Event: r.eventType(n, event)}, true
	}
	switch {
	case n.form == scalar && slices.Contains(ends, text):
		r.checkEnd(c, n, text)
		return Until{Kind: strings.ReplaceAll(text, " ", "_")}, true
	case n.form == scalar && !strings.ContainsAny(text, `()<>="`):
		if near := loyalty.Nearest(text, ends); near != "" && r.segments[text] == "" {
			r.errorAt(n, fmt.Sprintf("%q does not end a campaign", text), fmt.Sprintf("did you mean %q?", near))
			return Until{}, false
		}
	}
	if first, _, several := strings.Cut(text, ","); several && slices.Contains(ends, strings.TrimSpace(first)) {
		r.errorAt(n, fmt.Sprintf("%q is not one end", text), bracketed(n, "write several in brackets: [order, leaves]"))
		return Until{}, false
	}
	rule := r.ruleOrSegment(n, r.rules(c))
	return Until{Kind: "rule", Rule: rule}, rule != nil
}

// checkEnd reports an end that cannot come.
func (r *reading) checkEnd(c *folder, n *node, end string) {
	switch {
	case c.Start.Kind == "":
	case end == "leaves" && c.Start.Kind != "enters":
		r.errorAt(n, "leaves is for campaigns that start when a member enters a segment", "write the rule itself that ends the campaign")
	case end == "coupon used" && len(c.pools) == 0:
		r.errorAt(n, "no step of this campaign gives a coupon", "give one in a step, or leave this out")
	case end == "cancelled" && !(c.Start.Kind == "event" && hasOrder(c.Start.Event)):
		r.errorAt(n, "cancelled is for campaigns that an order starts, like {event: order.fulfilled}", "write the rule itself that ends the campaign")
	}
}

// readAgain reads how soon a member may start anew. What comes by itself only
// once each (a milestone, a birthday, a date of a timetable) needs no limit.
func (r *reading) readAgain(c *folder) {
	c.Again.Each = !slices.Contains([]string{"joins", "enters", "event"}, c.Start.Kind)
	if n := c.g.get("again"); n != nil {
		c.Again, _ = read(r, n, again)
	}
}

func again(s string) (Again, error) {
	switch s {
	case "each":
		return Again{Each: true}, nil
	case "never":
		return Again{}, nil
	}
	n, err := loyalty.ParseDays(s)
	if err != nil || n == 0 {
		return Again{}, fmt.Errorf("%q does not say when a member may start again: 180d, each or never", s)
	}
	return Again{After: n}, nil
}

// readHoldout reads who gets nothing, to measure the rest. What members have
// earned and what they must be told is not held out.
func (r *reading) readHoldout(c *folder) {
	if c.Class == loyalty.Offer {
		c.Holdout = r.program.Holdout
	}
	n := c.g.get("holdout")
	share, ok := r.permille(n)
	switch {
	case !ok:
	case share > 0 && c.Class != loyalty.Offer && c.Class != "":
		r.errorAt(n, fmt.Sprintf("a campaign of class %s has no holdout: nobody is to miss its mails", c.Class), "leave it out, or make it class: offer")
	case share >= 1000:
		r.errorAt(n, "everybody would be held out", "a share like 10%")
	default:
		c.Holdout = share
	}
}

// readTiming reads caps, quiet hours, lateness and what follows downtime.
func (r *reading) readTiming(c *folder) {
	if n := c.g.get("capped"); n != nil {
		c.Capped, _ = read(r, n, capped)
		if c.Class == loyalty.Earned || c.Class == loyalty.Service {
			r.warnAt(n, fmt.Sprintf("caps do not count mails of class %s, so capped has no effect here", c.Class), "leave it out")
		}
	}
	if n := c.g.get("quiet"); n != nil {
		if q, ok := read(r, n, loyalty.ParseQuietHours); ok {
			c.Quiet = &q
		}
	}
	c.Late = r.span(c.g.get("late"), c.usuallyLate())
	c.CatchUp = "once"
	if n := c.g.get("catch_up"); n != nil {
		c.CatchUp = r.oneOf(n, "once", "all", "skip")
	}
	r.readRollout(c)
	r.readStock(c)
}

// usuallyLate is how late a mail may be when the file does not say so: a day for
// a birthday, half an hour for a drop, which people wait for, else six hours.
func (c *folder) usuallyLate() time.Duration {
	switch {
	case c.Start.Kind == "yearly":
		return 24 * time.Hour
	case c.isDrop():
		return 30 * time.Minute
	}
	return 6 * time.Hour
}

// isDrop reports whether the campaign hands out codes to many at a time.
func (c *folder) isDrop() bool {
	return (c.Start.Kind == "at" || c.Start.Kind == "launch") && len(c.pools) > 0
}

func capped(s string) (Capped, error) {
	if s == "skip" {
		return Capped{}, nil
	}
	if span, ok := strings.CutPrefix(s, "defer "); ok {
		if d, err := loyalty.ParseSpan(span); err == nil && d > 0 {
			return Capped{Defer: d}, nil
		}
	}
	return Capped{}, fmt.Errorf("%q does not say what a capped mail does: skip, or defer 24h", s)
}

// readStock reads stock. A drop starts with enough codes or not at all; first
// come, first served is not done by this version.
func (r *reading) readStock(c *folder) {
	n := c.g.get("stock")
	if n == nil {
		return
	}
	if n.form == mapping {
		for _, kv := range n.pairs {
			if kv.key.text == "first_come" {
				r.notYet(kv.key, "stock.first_come")
				continue
			}
			r.errorAt(kv.key, fmt.Sprintf("%q is not a key of stock", kv.key.text), "write stock: enough")
		}
		return
	}
	if r.oneOf(n, "enough") != "" && !c.isDrop() {
		r.warnAt(n, "stock is for drops: a campaign that starts at a date or by hand and gives a coupon", "leave it out")
	}
}
