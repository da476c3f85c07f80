package program

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"regulars/internal/address"
	"regulars/internal/loyalty"
	"regulars/segments"
)

// readShop reads program.yaml. The currency comes first: amounts need it.
func (r *reading) readShop() {
	p := r.program
	p.Currency, p.Zone, p.NewsWithin = "EUR", time.UTC, 3*24*time.Hour
	p.Lifecycle, p.Scoring = segments.DefaultLifecycle(), segments.DefaultScoring()
	if _, ok := r.files[shopFile]; !ok {
		r.blind = true
		if slices.Contains(r.lost, shopFile) {
			return
		}
		r.fileProblem(shopFile, Error, "the file is missing", r.calling())
		return
	}
	root := r.yaml(shopFile)
	if root == nil {
		r.blind = true
		return
	}
	g := r.group(root, shopPlace)
	if code, ok := read(r, g.must("currency", "name the currency of all amounts, like EUR"), currency); ok {
		p.Currency = code
	}
	r.readZone(g.must("zone", "name the shop's time zone, like Europe/Helsinki"))
	r.readSender(g)
	r.readLanguages(g)
	r.readTopics(g)
	r.readManners(g)
	r.readAttributes(g.get("attributes"))
	r.readScores(g)
	if n := g.get("favourites"); n != nil {
		p.FavouritesExcept = r.several(r.group(n, favouritesPlace).must("except", "name the categories that are nobody's favourite, like except: [FUEL]"), segments.Category)
	}
}

func currency(s string) (string, error) {
	switch up := strings.ToUpper(s); {
	case loyalty.IsCurrency(s):
		return s, nil
	case loyalty.IsCurrency(up):
		return "", fmt.Errorf("%q is written in capitals: %s", s, up)
	}
	return "", fmt.Errorf("%q is not a currency of ISO 4217 like EUR, USD or JPY%s", s, called(namedMoney, s))
}

// readZone reads the shop's zone. A zone without a city (EST, Etc/GMT+2) is one,
// but hardly the one that was meant: most of them know no summer time.
func (r *reading) readZone(n *node) {
	zone, ok := read(r, n, loyalty.ParseZone)
	if !ok {
		return
	}
	r.program.Zone = zone
	if name := zone.String(); name != "UTC" && !strings.Contains(name, "/") || strings.HasPrefix(name, "Etc/") {
		r.warnAt(n, fmt.Sprintf("zone %s names no city, and may not follow the shop's summer time", name), "name the zone of your city, like Europe/Helsinki")
	}
}

// readSender reads who sends and from which address.
func (r *reading) readSender(g group) {
	p := r.program
	if n := g.must("shop", "say who sends: shop: {name: …, url: …, address: …}"); n != nil {
		shop := r.group(n, senderPlace)
		p.Shop.Name = r.words(shop.must("name", "every mail shows the shop's name"))
		p.Shop.Address = r.words(shop.must("address", "every mail shows the shop's postal address, as the law asks"))
		p.Shop.URL, _ = read(r, shop.get("url"), webLink)
		p.Shop.Country, _ = read(r, shop.get("country"), country)
	}
	if n := g.must("mail", "say from whom mails come: mail: {from: …}"); n != nil {
		m := r.group(n, mailPlace)
		p.Mail.From, _ = read(r, m.must("from", `like from: "Anna <anna@shop.example>"`), sender)
		p.Mail.ReplyTo, _ = read(r, m.get("reply_to"), sender)
		p.Mail.Alerts, _ = read(r, m.get("alerts"), sender)
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

// sender checks an address that mail can come from.
func sender(s string) (string, error) {
	if _, err := address.Named(s); err != nil {
		return "", fmt.Errorf("%q is not an e-mail address like Anna <anna@shop.example>: %w", s, err)
	}
	return s, nil
}

// readLanguages reads languages; the first serves everybody else.
func (r *reading) readLanguages(g group) {
	p := r.program
	for _, n := range r.each(g.must("languages", "name the languages of your mails, like languages: [en]")) {
		if hint := bracketed(n, ""); hint != "" {
			r.errorAt(n, fmt.Sprintf("%q is not one language", n.text), hint)
			continue
		}
		tag, ok := read(r, n, languageTag)
		if !ok {
			continue
		}
		if slices.Contains(p.Languages, tag) {
			r.errorAt(n, fmt.Sprintf("%q stands in the list twice", tag), "keep one of the two")
		}
		p.Languages = append(p.Languages, tag)
	}
}

// languageTag checks a BCP 47 tag in its usual spelling, since files are named by it.
func languageTag(s string) (string, error) {
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return "", fmt.Errorf("%q is not a language like en, fi or zh-Hant%s", s, called(namedLanguages, s))
	}
	if tag.String() != s {
		return "", fmt.Errorf("%q is written %s", s, tag)
	}
	return s, nil
}

// readTopics reads the topics and their names in every language.
func (r *reading) readTopics(g group) {
	p, n := r.program, g.get("topics")
	if n == nil {
		p.Topics = standardTopics(p.Languages)
		return
	}
	if n.form != mapping {
		r.errorAt(n, fmt.Sprintf("topics is a group of keys, but here stands %s", n.form), "write offers: {en: Offers}")
		return
	}
	p.Topics = map[string]map[string]string{}
	for _, kv := range n.pairs {
		if r.checkName(kv.key, "a topic", kv.key.text) {
			p.Topics[kv.key.text] = r.namesByLanguage(kv)
		}
	}
}

// namesByLanguage reads {fi: Tarjoukset, en: Offers}.
func (r *reading) namesByLanguage(topic pair) map[string]string {
	names := map[string]string{}
	if topic.value.form != mapping {
		r.errorAt(topic.value, "a topic has a name in each language", "write {"+r.first()+": "+topic.value.text+"}")
		return names
	}
	for _, kv := range (group{r, topic.value}).pairs() {
		if l := kv.key.text; !slices.Contains(r.program.Languages, l) {
			r.errorAt(kv.key, fmt.Sprintf("%q is not one of the program's languages", l), suggest(l, r.program.Languages, ""))
		}
		names[kv.key.text] = r.words(kv.value)
	}
	for _, l := range r.program.Languages {
		if _, ok := names[l]; !ok && !r.namesTopic(topic.key.text, l) {
			r.warnAt(topic.key, fmt.Sprintf("topic %s has no name in %s", topic.key.text, l), "members choose topics by name")
		}
	}
	return names
}

// readManners reads how often and when members may be written to.
func (r *reading) readManners(g group) {
	p := r.program
	for _, n := range r.each(p.capped(r, g.get("caps"))) {
		if c, ok := read(r, n, loyalty.ParseCap); ok {
			p.Caps = append(p.Caps, c)
		}
	}
	p.Quiet, _ = read(r, g.get("quiet"), loyalty.ParseQuietHours)
	p.NewsWithin = r.span(g.get("news_within"), p.NewsWithin)
	p.Holdout, _ = r.permille(g.get("holdout"))
	switch n := g.get("join"); {
	case n == nil:
	case n.form == scalar:
		r.errorAt(n, "join is a group of keys", "write join: {confirm: true}, which asks those who join to confirm it by mail")
	default:
		r.readJoin(r.group(n, joinPlace))
	}
	if n := g.get("tracking"); n != nil {
		track := r.group(n, trackPlace)
		p.Tracking = Tracking{r.yes(track.get("clicks"), false), r.yes(track.get("opens"), false)}
	}
}

// capped returns the list of caps, nil for caps: none.
func (p *Program) capped(r *reading, n *node) *node {
	switch {
	case n == nil || n.form == scalar && n.text == "none":
		return nil
	case n.form == list && len(n.items) == 0:
		r.errorAt(n, "the list of caps is empty", "write caps: none for no limit, or limits like caps: [1 per 16h, 3 per 7d]")
		return nil
	}
	return n
}

// readJoin reads join: whether who asks to join must confirm it.
func (r *reading) readJoin(join group) { r.program.Confirm = r.yes(join.get("confirm"), false) }

// readAttributes reads the attributes that rules and mails may use.
func (r *reading) readAttributes(n *node) {
	p := r.program
	p.Attributes = map[string]segments.Type{}
	switch {
	case n == nil:
		return
	case n.form != mapping:
		r.errorAt(n, fmt.Sprintf("attributes is a group of keys, but here stands %s", n.form), "write {plan: text, shoe_size: number, trial_ends: date}")
		return
	}
	for _, kv := range n.pairs {
		if err := segments.CheckAttribute(kv.key.text); err != nil {
			r.errorAt(kv.key, saying(err), "")
		} else if t, ok := read(r, kv.value, valueType); ok {
			p.Attributes[kv.key.text] = t
			if slices.Contains(memberFields, kv.key.text) {
				r.warnAt(kv.key, fmt.Sprintf("%s is a field of every member: what comes under this name goes there, and the attribute stays empty", kv.key.text),
					"take the line out, or give the attribute another name, like shop_"+kv.key.text)
			}
		}
	}
}

// memberFields are what events and files say of a member under names of ours.
var memberFields = []string{
	"member", "id", "ids", "email", "phone", "card", "first_name", "last_name", "name", "language", "country", "time_zone", "birthday",
	"tags", "joined", "joined_at", "referred_by", "consent", "consent_source", "consent_text", "consent_at", "points", "orders", "spent",
}

// valueType reads the type of an attribute or of a launch's value; url is the
// format's other word for link.
func valueType(s string) (segments.Type, error) {
	if s == "url" {
		s = "link"
	}
	t, ok := segments.ParseType(s)
	if !ok {
		return 0, fmt.Errorf("%q is not a type: text, number, money, date, list or url", s)
	}
	return t, nil
}
