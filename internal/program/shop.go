package program

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/segments"
)

func (r *loader) readShop() {
	p := r.program
	p.Currency, p.Zone, p.NewsWithin = "EUR", time.UTC, 3*24*time.Hour
	p.KeepSends = loyalty.Period{Months: 25}
	p.Lifecycle, p.Scoring = segments.DefaultLifecycle(), segments.DefaultScoring()
	p.Attributes = map[string]segments.Type{}
	root := r.own(shopFile)
	if _, there := r.files[shopFile]; !there && !slices.Contains(r.lost, shopFile) {
		r.fileProblem(shopFile, Error, "the file is missing", r.calling())
	}
	if root != nil {
		shopKeys().fill(r, root, p)
	}
	r.blind = r.blind || root == nil
}

// own reads one of the files of the program itself; nil when it is missing or
// cannot be read.
func (r *loader) own(file string) *node {
	if _, there := r.files[file]; !there {
		return nil
	}
	root := r.yaml(file)
	r.blind = r.blind || root == nil
	return root
}

// calling is the file that was probably meant to be program.yaml, and what to do.
func (r *loader) calling() string {
	for _, file := range sortedKeys(r.files) {
		folder, base, inside := strings.Cut(file, "/")
		switch {
		case inside && base == shopFile:
			return fmt.Sprintf("the program stands in the folder %s: name that one", folder)
		case !inside && (strings.EqualFold(file, shopFile) || loyalty.Nearest(file, []string{shopFile}) != ""):
			return fmt.Sprintf("call %s program.yaml", file)
		}
	}
	return "a program begins with program.yaml, which says who sends, in which language, currency and zone"
}

// codes are currencies and languages as people call them.
var codes = map[string]string{
	"€": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "us$": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "pound": "GBP", "pounds": "GBP",
	"kr": "SEK, NOK or DKK", "krona": "SEK", "krone": "NOK or DKK", "nt$": "TWD", "ден": "MKD",
	"english": "en", "finnish": "fi", "suomi": "fi", "swedish": "sv", "german": "de", "deutsch": "de", "greek": "el", "macedonian": "mk", "chinese": "zh-Hant or zh-Hans",
}

// coded ends a complaint with the code of what people call so.
func coded(name string) string {
	if code := codes[strings.ToLower(name)]; code != "" {
		return ": write " + code
	}
	return ""
}

func currency(s string) (string, error) {
	switch up := strings.ToUpper(s); {
	case loyalty.IsCurrency(s):
		return s, nil
	case loyalty.IsCurrency(up):
		return "", fmt.Errorf("%q is written in capitals: %s", s, up)
	}
	return "", fmt.Errorf("%q is not a currency of ISO 4217 like EUR, USD or JPY%s", s, coded(s))
}

// readZone reads the shop's zone. A zone without a city (EST, Etc/GMT+2) is one,
// but hardly the one that was meant: most of them know no summer time.
func readZone(r *loader, n *node, p *Program) {
	zone, ok := parsed(r, n, loyalty.ParseZone)
	if !ok {
		return
	}
	p.Zone = zone
	if name := zone.String(); name != "UTC" && !strings.Contains(name, "/") || strings.HasPrefix(name, "Etc/") {
		r.warnAt(n, fmt.Sprintf("zone %s names no city, and may not follow the shop's summer time", name), "name the zone of your city, like Europe/Helsinki")
	}
}

func country(s string) (string, error) {
	region, err := language.ParseRegion(s)
	if err != nil || len(s) != 2 || !region.IsCountry() {
		return "", fmt.Errorf("%q is not a country's two letters, like FI (ISO 3166)", s)
	}
	return region.Canonicalize().String(), nil
}

func webLink(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%q is not a web address like https://shop.example", s)
	}
	return s, nil
}

// senders checks one or several, with commas between them.
func senders(s string) (string, error) {
	for part := range strings.SplitSeq(s, ",") {
		if _, err := sender(strings.TrimSpace(part)); err != nil {
			return "", err
		}
	}
	return s, nil
}

// sender checks an address that mail can come from.
func sender(s string) (string, error) {
	if _, err := address.Named(s); err != nil {
		return "", fmt.Errorf("%q is not an e-mail address like Anna <anna@shop.example>: %w", s, err)
	}
	return s, nil
}

// readLanguages reads languages; the first serves everybody else.
func readLanguages(r *loader, n *node, p *Program) {
	p.Languages = distinct(r, n, "%q", func(n *node) (string, bool) {
		if hint := bracketed(n, ""); hint != "" {
			r.errorAt(n, fmt.Sprintf("%q is not one language", n.text), hint)
			return "", false
		}
		return parsed(r, n, languageTag)
	})
}

// languageTag checks a BCP 47 tag in its usual spelling, since files are named by it.
func languageTag(s string) (string, error) {
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return "", fmt.Errorf("%q is not a language like en, fi or zh-Hant%s", s, coded(s))
	}
	if tag.String() != s {
		return "", fmt.Errorf("%q is written %s", s, tag)
	}
	return s, nil
}

// standardTopics are the topics of a program that names none.
func standardTopics(languages []string) map[string]map[string]string {
	topics := map[string]map[string]string{}
	for topic, name := range map[string]string{loyalty.Offers: "Offers", loyalty.Newsletter: "Newsletter", loyalty.Program: "The program"} {
		topics[topic] = map[string]string{}
		for _, l := range languages {
			topics[topic][l] = name
		}
	}
	return topics
}

// readTopics reads the topics and their names in every language, as in
// offers: {fi: Tarjoukset, en: Offers}.
func readTopics(r *loader, n *node, p *Program) {
	if !r.isA(n, mapping, "topics", "write offers: {en: Offers}") {
		return
	}
	p.Topics = map[string]map[string]string{}
	for _, topic := range n.pairs {
		if !r.checkName(topic.key, "a topic", topic.key.text) {
			continue
		}
		names := map[string]string{}
		if p.Topics[topic.key.text] = names; topic.value.form != mapping {
			r.errorAt(topic.value, "a topic has a name in each language", "write {"+r.first()+": "+topic.value.text+"}")
			continue
		}
		for _, kv := range (section{r, topic.value}).pairs() {
			if l := kv.key.text; !slices.Contains(p.Languages, l) {
				r.errorAt(kv.key, fmt.Sprintf("%q is not one of the program's languages", l), suggest(l, p.Languages, ""))
			}
			names[kv.key.text] = r.words(kv.value)
		}
		for _, l := range p.Languages {
			if _, ok := names[l]; !ok && !r.namesTopic(topic.key.text, l) {
				r.warnAt(topic.key, fmt.Sprintf("topic %s has no name in %s", topic.key.text, l), "members choose topics by name")
			}
		}
	}
}

func topicsText(topics map[string]map[string]string) string {
	return inList(topics, func(topic string, names map[string]string) string {
		return topic + " (" + inList(names, func(language, name string) string { return language + " " + name }) + ")"
	})
}

// inList writes what a map holds, in the order of its keys.
func inList[V any](m map[string]V, show func(string, V) string) string {
	var texts []string
	for _, key := range sortedKeys(m) {
		texts = append(texts, show(key, m[key]))
	}
	return strings.Join(texts, ", ")
}

// readCaps reads how often members may be written to; caps: none is no limit.
func readCaps(r *loader, n *node, p *Program) {
	switch {
	case n.form == scalar && n.text == "none":
		return
	case n.form == list && len(n.items) == 0:
		r.errorAt(n, "the list of caps is empty", "write caps: none for no limit, or limits like caps: [1 per 16h, 3 per 7d]")
		return
	}
	for _, n := range r.each(n) {
		if c, ok := parsed(r, n, loyalty.ParseCap); ok {
			p.Caps = append(p.Caps, c)
		}
	}
}

// readRate reads how many mails go to a domain of recipients.
func readRate(r *loader, n *node, p *Program) {
	const like = `write rate: {gmail.com: 20/s, "*": 50/s}, where * is each of the others; what the relay takes in all is SMTP_URL?rate=`
	if !r.isA(n, mapping, "rate", like) {
		return
	}
	p.Rate = loyalty.DomainRates{}
	for _, kv := range n.pairs {
		domain := kv.key.text
		if domain != loyalty.AnyDomain {
			clean, _, err := address.Read("member@" + domain)
			if err != nil || strings.Contains(domain, "@") {
				r.errorAt(kv.key, fmt.Sprintf("%q is not a domain of mail addresses like gmail.com", domain), like)
				continue
			}
			domain = loyalty.RateDomain(address.Domain(clean))
		}
		if _, twice := p.Rate[domain]; twice {
			r.errorAt(kv.key, fmt.Sprintf("%s has a rate already", domain), "take one of the lines out")
			continue
		}
		if rate, ok := parsed(r, kv.value, loyalty.ParseRate); ok {
			p.Rate[domain] = rate
		}
	}
}

// readWarmup reads how many mails a new sender hands over on its days.
func readWarmup(r *loader, n *node, p *Program) {
	if !r.isA(n, mapping, "warmup", "write warmup: {from: 2026-12-01, start: 500 a day, double: every 2 days, until: 20000 a day}") {
		return
	}
	w, before := loyalty.Warmup{}, len(r.problems)
	s := warmupKeys().fill(r, n, &w)
	if len(r.problems) > before {
		return
	}
	if w.Until <= w.Start {
		r.errorAt(s.get("until"), fmt.Sprintf("the warm-up ends at %s and starts with %s, so that it limits nothing", loyalty.Daily(w.Until), loyalty.Daily(w.Start)),
			"write more than that, or leave warmup out")
		return
	}
	p.Warmup = w
}

func readJoin(r *loader, n *node, p *Program) {
	if n.form == scalar {
		r.errorAt(n, "join is a group of keys", "write join: {confirm: true}, which asks those who join to confirm it by mail")
		return
	}
	joinKeys().fill(r, n, p)
}

// readAttributes reads the attributes that rules and mails may use.
func readAttributes(r *loader, n *node, p *Program) {
	if !r.isA(n, mapping, "attributes", "write {plan: text, shoe_size: number, trial_ends: date}") {
		return
	}
	for _, kv := range n.pairs {
		t, ok := r.valueType(kv)
		if !ok {
			continue
		}
		p.Attributes[kv.key.text] = t
		if slices.Contains(memberFields, kv.key.text) {
			r.warnAt(kv.key, fmt.Sprintf("%s is a field of every member: what comes under this name goes there, and the attribute stays empty", kv.key.text),
				"take the line out, or give the attribute another name, like shop_"+kv.key.text)
		}
	}
}

// memberFields are what events and files say of a member under names of ours.
var memberFields = []string{
	"member", "id", "ids", "email", "phone", "card", "first_name", "last_name", "name", "language", "country", "time_zone", "birthday",
	"tags", "joined", "joined_at", "referred_by", "consent", "consent_source", "consent_text", "consent_at", "points", "orders", "spent",
}

// valueType reads an attribute or a value of a launch, with its type; url is the
// format's other word for link.
func (r *loader) valueType(kv pair) (segments.Type, bool) {
	if _, ok := parsed(r, kv.key, func(name string) (bool, error) { return true, segments.CheckAttribute(name) }); !ok {
		return 0, false
	}
	return parsed(r, kv.value, func(s string) (segments.Type, error) {
		t, ok := segments.ParseType(s)
		if !ok {
			return 0, fmt.Errorf("%q is not a type: text, number, money, date, list or url", s)
		}
		return t, nil
	})
}

func typesText(types map[string]segments.Type) string {
	return inList(types, func(name string, t segments.Type) string { return name + " (" + t.String() + ")" })
}

// readLifecycle reads lifecycle: {recent: 40d, at_risk: 90d, lost: 180d}; what is
// left out is as usual.
func readLifecycle(r *loader, n *node, p *Program) {
	l, before := p.Lifecycle, len(r.problems)
	if lifecycleKeys().fill(r, n, &l); len(r.problems) > before {
		return
	}
	if err := l.Check(); err != nil {
		r.errorAt(n, err.Error(), "days that are left out are "+p.Lifecycle.String())
		return
	}
	p.Lifecycle = l
}

// cuts are two rising percentages: [33, 66].
func cuts() kind[segments.Percent] {
	return kind[segments.Percent]{read: func(r *loader, n *node) (segments.Percent, bool) {
		return two[segments.Percent](r, n, "a list of two percentages belongs here, like [33, 66]", func(s string) (int, error) {
			p, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(s, "%")))
			if err != nil {
				return 0, fmt.Errorf("%q is not a whole percentage, like 33", s)
			}
			return p, nil
		})
	}}
}

// readRecency reads where recency is divided: by percentages or by days, [180d, 365d].
func readRecency(r *loader, n *node, s *segments.Scoring) {
	if slices.ContainsFunc(n.items, func(item *node) bool { return strings.HasSuffix(strings.TrimSpace(item.text), "d") }) {
		if days, ok := two[segments.Within](r, n, "a list of two numbers of days belongs here, like [180d, 365d]", loyalty.ParseDays); ok {
			s.Within = days
		}
	} else if p, ok := cuts().read(r, n); ok {
		s.Recency = p
	}
}

// two reads a list of two values that belong together.
func two[V interface {
	~[2]int
	Check() error
}](r *loader, n *node, otherwise string, parse func(string) (int, error)) (both V, sound bool) {
	if n.form != list || len(n.items) != 2 {
		r.errorAt(n, otherwise, "")
		return both, false
	}
	sound = true
	for i, item := range n.items {
		v, ok := parsed(r, item, parse)
		both[i], sound = v, sound && ok
	}
	if err := both.Check(); sound && err != nil {
		r.errorAt(n, err.Error(), "")
		return both, false
	}
	return both, sound
}

// Rejudges reports whether a rule reads a stage or a score that this program
// settles otherwise than an older one: the same words then keep other members.
func (p *Program) Rejudges(old *Program, rule *segments.Rule) bool {
	return p.Lifecycle != old.Lifecycle && slices.Contains(rule.Reads(), "lifecycle") ||
		p.Scoring != old.Scoring && rule.ReadsScores()
}
