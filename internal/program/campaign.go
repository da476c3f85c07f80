package program

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
	"regulars/templates"
)

// folder is a campaign being read.
type folder struct {
	*Campaign
	path  string // campaigns/NAME/
	keys  section
	pools []string         // whose codes the steps read so far give
	sent  map[string]*node // mail → where a step names it
}

func (r *loader) readCampaign(name string) {
	path := CampaignsRoot + name + "/"
	file := path + campaignFile
	if name == ConfirmCampaign {
		r.unclear[name] = true
		r.fileProblem(file, Error, "confirm is the name of the campaign that join: {confirm: true} and referral bring", "call this one something else")
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
	c := &folder{Campaign: &Campaign{Name: name}, path: path, sent: map[string]*node{}}
	ks := campaignKeys()
	c.keys = ks.open(r, root)
	ks.read(c.keys, c)
	r.nobody(c)
	r.readMails(c)
	r.program.Campaigns = append(r.program.Campaigns, c.Campaign)
}

// readFormerName reads was. That the campaign had this name once cannot be seen
// here; that another one still has it can.
func readFormerName(r *loader, n *node, c *folder) {
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

// usualTopic is the topic of a campaign that names none.
func usualTopic(r *loader, c *folder) {
	switch c.Start.Kind {
	case "joins", "milestone", "yearly", "date":
		c.Topic = loyalty.Program
	case "every":
		c.Topic = loyalty.Newsletter
	default:
		if c.Topic = loyalty.Offers; slices.Contains(loyalty.OwnEvents, c.Start.Event) {
			c.Topic = loyalty.Program
		}
	}
	if at := c.keys.key("start"); r.program.Topics[c.Topic] == nil && at != nil {
		r.errorAt(at, fmt.Sprintf("a campaign that starts so has the topic %s, which program.yaml does not name", c.Topic), "add it to topics there, or say topic: here")
	}
}

// rules is what a rule of this campaign may read: the program's, and what its
// start brings with it.
func (r *loader) rules(c *folder) segments.Scope {
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

// ends are the ways in which a passage ends early, besides an event and a rule.
var ends = []string{"order", "leaves", "coupon used", "cancelled"}

func readUntil(r *loader, n *node, c *folder) {
	for _, n := range r.each(n) {
		text := strings.Join(strings.Fields(n.text), " ")
		first, _, several := strings.Cut(text, ",")
		near := ""
		if n.form == scalar && !strings.ContainsAny(text, `()<>="`) && r.segments[text] == "" {
			near = loyalty.Nearest(text, ends)
		}
		switch event, ok := strings.CutPrefix(text, "event "); {
		case ok && n.form == scalar:
			c.Until = append(c.Until, Until{Kind: "event", Event: r.eventType(n, event)})
		case n.form == scalar && slices.Contains(ends, text):
			c.Until = append(c.Until, Until{Kind: strings.ReplaceAll(text, " ", "_")})
			switch { // what cannot come
			case c.Start.Kind == "":
			case text == "leaves" && c.Start.Kind != "enters":
				r.errorAt(n, "leaves is for campaigns that start when a member enters a segment", "write the rule itself that ends the campaign")
			case text == "coupon used" && len(c.pools) == 0:
				r.errorAt(n, "no step of this campaign gives a coupon", "give one in a step, or leave this out")
			case text == "cancelled" && !(c.Start.Kind == "event" && hasOrder(c.Start.Event)):
				r.errorAt(n, "cancelled is for campaigns that an order starts, like {event: order.fulfilled}", "write the rule itself that ends the campaign")
			}
		case near != "":
			r.errorAt(n, fmt.Sprintf("%q does not end a campaign", text), fmt.Sprintf("did you mean %q?", near))
		case several && slices.Contains(ends, strings.TrimSpace(first)):
			r.errorAt(n, fmt.Sprintf("%q is not one end", text), bracketed(n, "write several in brackets: [order, leaves]"))
		default:
			if rule := r.ruleOrSegment(n, r.rules(c)); rule != nil {
				c.Until = append(c.Until, Until{Kind: "rule", Rule: rule})
			}
		}
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

// String returns the setting as campaign.yaml has it.
func (a Again) String() string {
	switch {
	case a.Each:
		return "each"
	case a.After > 0:
		return fmt.Sprintf("%dd", a.After)
	}
	return "never"
}

// readHoldout reads who gets nothing, to measure the rest. What members have
// earned and what they must be told is not held out.
func readHoldout(r *loader, n *node, c *folder) {
	out, ok := share().read(r, n)
	switch {
	case !ok:
	case out > 0 && c.Class != loyalty.Offer && c.Class != "":
		r.errorAt(n, fmt.Sprintf("a campaign of class %s has no holdout: nobody is to miss its mails", c.Class), "leave it out, or make it class: offer")
	case out >= 1000:
		r.errorAt(n, "everybody would be held out", "a share like 10%")
	default:
		c.Holdout = out
	}
}

// readCapped reads what a capped mail does: skip, or defer 24h.
func readCapped(r *loader, n *node, c *folder) {
	c.Capped, _ = parsed(r, n, func(s string) (Capped, error) {
		d := spanAfter("defer ", s)
		if s != "skip" && d == 0 {
			return Capped{}, fmt.Errorf("%q does not say what a capped mail does: skip, or defer 24h", s)
		}
		return Capped{Defer: d}, nil
	})
	if c.Class == loyalty.Earned || c.Class == loyalty.Service {
		r.warnAt(n, fmt.Sprintf("caps do not count mails of class %s, so capped has no effect here", c.Class), "leave it out")
	}
}

// String returns the setting as campaign.yaml has it.
func (c Capped) String() string {
	if c.Defer > 0 {
		return "defer " + loyalty.Span(c.Defer)
	}
	return "skip"
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

// readStock reads stock. A drop starts with enough codes or not at all; first
// come, first served is not done by this version.
func readStock(r *loader, n *node, c *folder) {
	if n.form != mapping {
		if _, ok := oneOf("enough").read(r, n); ok && !c.isDrop() {
			r.warnAt(n, "stock is for drops: a campaign that starts at a date or by hand and gives a coupon", "leave it out")
		}
		return
	}
	for _, kv := range n.pairs {
		if kv.key.text == "first_come" {
			r.notYet(kv.key, "stock.first_come")
			continue
		}
		r.errorAt(kv.key, fmt.Sprintf("%q is not a key of stock", kv.key.text), "write stock: enough")
	}
}

// Pilot is the part of a run's mails that goes first, so that somebody can look
// at what became of it.
type Pilot struct {
	Size  int
	After time.Duration // the rest follows so long after the pilot; 0: when a person lets it go
}

// Waves are the parts in which a run's mails go, so that a shop is not overrun.
// Exactly one of Permille and Size is set.
type Waves struct {
	Permille int // of the mails that are not in the pilot
	Size     int // mails
	Every    time.Duration
}

// String returns the setting as campaign.yaml has it.
func (p *Pilot) String() string {
	switch {
	case p == nil:
		return ""
	case p.After == 0:
		return fmt.Sprintf("%d, then by hand", p.Size)
	}
	return fmt.Sprintf("%d, then after %s", p.Size, loyalty.Span(p.After))
}

// String returns the setting as campaign.yaml has it.
func (w *Waves) String() string {
	switch {
	case w == nil:
		return ""
	case w.Size > 0:
		return fmt.Sprintf("%d every %s", w.Size, loyalty.Span(w.Every))
	}
	return fmt.Sprintf("%s every %s", percent(w.Permille), loyalty.Span(w.Every))
}

// rollout reads pilot or waves where a campaign mails everybody at one time, coupon
// or not. A timetable does too, but nobody is to be asked every Monday; a flow that
// does not begin with a mail takes each member at their own pace.
func rollout(key string, read func(*loader, *node, *folder)) func(*loader, *node, *folder) {
	return func(r *loader, n *node, c *folder) {
		switch {
		case c.Start.Kind != "" && !slices.Contains([]string{"at", "launch"}, c.Start.Kind):
			r.errorAt(n, fmt.Sprintf("%q is for campaigns that mail everybody at one time: those that start with at or launch", key), "leave it out")
		case len(c.Steps) > 0 && c.Steps[0].Mail == "":
			r.errorAt(n, fmt.Sprintf("%q is for campaigns whose first step is a mail", key), "leave it out, or begin with the mail")
		default:
			read(r, n, c)
		}
	}
}

// most is how many mails a pilot or a wave may have.
const most = 10_000_000

// afterPilot reads when the rest follows a pilot: 0 is by hand, which is the default.
func afterPilot(s string) (time.Duration, error) {
	d := spanAfter("after ", s)
	if strings.Join(strings.Fields(s), " ") != "by hand" && d == 0 {
		return 0, fmt.Errorf("%q does not say when the rest follows: by hand, or after 24h", s)
	}
	return d, nil
}

// spanAfter is the length of time that follows a word; 0 for what is none.
func spanAfter(word, s string) time.Duration {
	span, ok := strings.CutPrefix(s, word)
	d, err := loyalty.ParseSpan(span)
	if !ok || err != nil {
		return 0
	}
	return d
}

// waveSize reads a share, 20%, or a number of mails.
func waveSize(s string) (Waves, error) {
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		if v, err := loyalty.ParseDecimal(strings.TrimSpace(percent), 1); err == nil && v >= 1 && v < 1000 {
			return Waves{Permille: int(v)}, nil
		}
	} else if v, err := strconv.Atoi(s); err == nil && v >= 1 && v <= most {
		return Waves{Size: v}, nil
	}
	return Waves{}, fmt.Errorf("%q is not the size of a wave: a share below 100%% like 20%%, or a number of mails like 5000", s)
}

// ConfirmCampaign is the built-in campaign of join: {confirm: true}, and of a program
// with a page on which anybody may ask to join. It asks by mail whoever asks, once per
// asking, and is held, shown and explained like any other. No folder may have its name.
const ConfirmCampaign = templates.ConfirmMail

// asks is the kind of its start: somebody asked to join and has not confirmed.
const asks = "asks"

func (c *Campaign) builtIn() bool { return c.Start.Kind == asks }

// Asks reports whether somebody may have to confirm by mail that they join: with
// Confirm everybody does, else whoever asks on the page to which referral codes lead.
func (p *Program) Asks() bool { return p.Confirm || p.Loyalty != nil && p.Loyalty.Referral != nil }

// addConfirm adds the double opt-in's campaign to a program that wants it, with
// a text for each of its languages.
func (r *loader) addConfirm() {
	p := r.program
	if !p.Asks() || r.blind {
		return
	}
	c := &Campaign{
		Name: ConfirmCampaign, Live: true,
		Start: Start{Kind: asks, Spec: asks},
		Class: loyalty.Service, Topic: loyalty.Program,
		Again: Again{Each: true}, CatchUp: "once",
		Steps: []Step{{Name: templates.ConfirmMail, Mail: templates.ConfirmMail}},
	}
	texts := map[string]*templates.Mail{}
	for _, language := range p.Languages {
		mail, problems := templates.Confirm(language, p.Words)
		r.takeProblems(problems) // our own texts have none
		texts[language] = mail
	}
	r.texts[c.Name] = map[string]map[string]*templates.Mail{templates.ConfirmMail: texts}
	p.Campaigns = append(p.Campaigns, c)
	slices.SortFunc(p.Campaigns, func(a, b *Campaign) int { return cmp.Compare(a.Name, b.Name) })
}
