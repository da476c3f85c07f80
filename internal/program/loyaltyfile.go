package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// loyaltyFile says how members earn, what they climb and what they get for it.
const loyaltyFile = "loyalty.yaml"

// readLoyaltyNames reads what tiers, cards and rewards are called, and the figures of
// these, before the rules that name them. What is wrong is said when the file is read.
func (r *loader) readLoyaltyNames() {
	r.tierRules = map[string]string{}
	r.tiers, r.cards, r.rewards = []string{}, map[string]int64{}, map[string]segments.Price{}
	if _, there := r.files[loyaltyFile]; !there {
		return
	}
	quiet := &loader{files: r.files}
	root := quiet.yaml(loyaltyFile)
	if r.blind = r.blind || root == nil; root == nil {
		return
	}
	things := func(key string) []pair {
		if n := (section{quiet, root}).pair(key).value; n != nil {
			return n.pairs
		}
		return nil
	}
	whole := func(n *node, key string) int64 {
		if v := (section{quiet, n}).pair(key).value; v != nil {
			number, _ := strconv.ParseInt(v.text, 10, 64)
			return number
		}
		return 0
	}
	for _, kv := range things("tiers") {
		r.tiers = append(r.tiers, kv.key.text)
		if when := (section{quiet, kv.value}).pair("when").value; when != nil && when.form == scalar {
			r.tierRules[kv.key.text] = strings.TrimSpace(when.text)
		}
	}
	for _, kv := range things("cards") {
		r.cards[kv.key.text] = whole(kv.value, "of")
	}
	for _, kv := range things("rewards") {
		price := segments.Price{Points: whole(kv.value, "price")}
		if n := (section{quiet, kv.value}).pair("tiers").value; n != nil {
			for _, tier := range quiet.each(n) {
				price.Tiers = append(price.Tiers, tier.text)
			}
		}
		r.rewards[kv.key.text] = price
	}
}

// readLoyalty reads loyalty.yaml; the program has a Loyalty where the file is there.
func (r *loader) readLoyalty() {
	root := r.own(loyaltyFile)
	if root == nil {
		return
	}
	if len(root.pairs) == 0 {
		r.errorAt(root, "the file says nothing", "begin it with points: {earn: [1 per 1.00]}, or delete it")
		return
	}
	l := &Loyalty{}
	s := loyaltyKeys().fill(r, root, l)
	r.program.Loyalty = l
	if l.Points == nil && !s.has("points") {
		for _, name := range []string{"rewards", "referral"} {
			if at := s.key(name); at != nil && (name == "rewards" || l.Referral != nil && l.Referral.ReferrerPoints > 0) {
				r.errorAt(at, name+" is about points, and nothing says how members earn them", "write points: {earn: [1 per 1.00]}")
			}
		}
	}
}

// odd are the names that readers of YAML 1.1 take for true, false and nothing.
var odd = []string{"off", "on", "yes", "no", "y", "n", "true", "false", "null"}

// named reads a group of things that have names: tiers, cards and rewards.
func named[T any](ks keys[T], hint string, begin func(name string) T, after func(r *loader, s section, t *T)) func(r *loader, n *node) []T {
	return func(r *loader, n *node) (all []T) {
		if !r.isA(n, mapping, strings.TrimPrefix(ks.name, "a ")+"s", hint) {
			return nil
		}
		for _, kv := range r.few((section{r, n}).pairs()) {
			name := kv.key.text
			if !r.checkName(kv.key, ks.name, name) {
				continue
			}
			if slices.Contains(odd, strings.ToLower(name)) {
				r.warnAt(kv.key, fmt.Sprintf("many programs that read YAML take %s for yes, no or nothing", name), "give it another name")
			}
			t := begin(name)
			if s := ks.fill(r, kv.value, &t); s.n != nil {
				after(r, s, &t)
			}
			all = append(all, t)
		}
		return all
	}
}

// readPoints reads points, and what is checked between its keys.
func readPoints(r *loader, n *node, l *Loyalty) {
	p := &Points{}
	s := pointsKeys().fill(r, n, p)
	if s.n == nil {
		return
	}
	l.Points = p
	after := p.Expire.After
	if days := after.Days + 30*after.Months; days > 0 && p.Pending > days {
		r.errorAt(s.get("pending"), fmt.Sprintf("points would be pending for %dd, and they last %s", p.Pending, periodText(after)), "let them open sooner, or last longer")
	}
}

// readEarnLines reads the ways to earn points.
func readEarnLines(r *loader, n *node, p *Points) {
	for _, item := range r.each(n) {
		if e, ok := r.earnLine(item); ok {
			p.Earn = append(p.Earn, e)
		}
	}
}

// readCalled reads what members read in place of a name, in each language.
func readCalled(r *loader, n *node) map[string]string {
	if n.form != mapping {
		r.errorAt(n, "what members read is said in each language", "write {"+r.first()+": "+n.text+"}")
		return nil
	}
	called := map[string]string{}
	for _, kv := range (section{r, n}).pairs() {
		lang := kv.key.text
		if !slices.Contains(r.program.Languages, lang) && !r.blind {
			r.warnAt(kv.key, fmt.Sprintf("%q is not one of the program's languages, so nobody reads this", lang), suggest(lang, r.program.Languages, "add it to languages in program.yaml, or take it out"))
		}
		if text := r.words(kv.value); text != "" {
			called[lang] = text
		}
	}
	return called
}

func calledText(called map[string]string) string {
	return inList(called, func(language, name string) string { return language + " " + name })
}

// worth is what the books reckon one point at, in thousandths of a minor unit.
func worth() kind[int64] {
	return kind[int64]{
		read: func(r *loader, n *node) (int64, bool) {
			places := loyalty.CurrencyDigits(r.program.Currency) + 3
			return parsed(r, n, func(s string) (int64, error) {
				v, exact, err := loyalty.ParseExact(s, places)
				switch {
				case err != nil:
					return 0, err
				case v <= 0:
					return 0, fmt.Errorf("a point that is worth %s is worth nothing: write what the books reckon one at, like 0.01", s)
				case !exact:
					return 0, fmt.Errorf("%q is finer than we count: at most %d decimals", s, places)
				}
				return v, nil
			})
		},
		show: func(v int64, currency string) string {
			if v == 0 {
				return ""
			}
			text := loyalty.FormatDecimal(v, loyalty.CurrencyDigits(currency)+3)
			fine := text[len(text)-3:]
			return strings.TrimSuffix(text[:len(text)-3]+strings.TrimRight(fine, "0"), ".")
		},
	}
}

// readNotOn reads the lines of an order that earn nothing.
func readNotOn(r *loader, n *node, p *Points) {
	p.NotOn = distinct(r, n, "%v", func(item *node) (loyalty.Of, bool) {
		text, ok := r.text(item)
		if !ok {
			return loyalty.Of{}, false
		}
		s := newSentence(item.text, "")
		of := s.of()
		s.end("not_on names what earns nothing, like category \"Gift cards\"")
		if text == "" || !r.said(item, s) {
			return of, false
		}
		r.aboutName(item, s, of)
		return of, true
	})
}

// parsePeriod reads 12m, 90d, 8w or 1y.
func parsePeriod(s string) (loyalty.Period, error) {
	const forms = "like 90d, 8w, 12m or 1y"
	cut := max(0, len(s)-1)
	n, err := strconv.Atoi(s[:cut])
	longest := map[string]int{"d": 36500, "w": 5200, "m": 1200, "y": 100}[s[cut:]]
	switch {
	case err != nil || longest == 0 || s[0] == '+' || s[0] == '-':
		hint := "write a length of time " + forms
		if meant := periodMeant(s); meant != "" {
			hint = "write " + meant
		}
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is not a length of time %s", s, forms), hint}
	case n == 0:
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is no time at all", s), "write a length of time " + forms}
	case n > longest:
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is longer than a century", s), "write a length of time " + forms}
	}
	switch s[cut] {
	case 'd':
		return loyalty.Period{Days: n}, nil
	case 'w':
		return loyalty.Period{Days: 7 * n}, nil
	case 'm':
		return loyalty.Period{Months: n}, nil
	}
	return loyalty.Period{Months: 12 * n}, nil
}

// periodMeant is the length of time that words mean: a month, 12 months, year.
func periodMeant(s string) string {
	n, word, two := strings.Cut(strings.TrimSpace(s), " ")
	if !two {
		n, word = "1", n
	}
	if n == "a" || n == "one" {
		n = "1"
	}
	unit := map[string]string{"day": "d", "week": "w", "month": "m", "year": "y"}[strings.TrimSuffix(strings.ToLower(word), "s")]
	if _, err := strconv.Atoi(n); err != nil || unit == "" {
		return ""
	}
	return n + unit
}

func periodText(p loyalty.Period) string {
	switch {
	case p.Months > 0:
		return strconv.Itoa(p.Months) + "m"
	case p.Days > 0:
		return strconv.Itoa(p.Days) + "d"
	}
	return ""
}

func period() kind[loyalty.Period] { return of(parsePeriod, periodText) }

// expiryForms is what may stand after expire.
const expiryForms = "never, {after: 12m}, {unused: 12m} or {each: 12-31}"

// expiry is when points or stamps that nobody spends end.
func expiry() kind[loyalty.Expiry] {
	return kind[loyalty.Expiry]{
		read: func(r *loader, n *node) (e loyalty.Expiry, ok bool) {
			switch {
			case n.form == scalar && n.text == "never":
				return e, true
			case n.form != mapping:
				hint := "write " + expiryForms
				if p, err := parsePeriod(n.text); err == nil {
					hint = fmt.Sprintf("write {after: %[1]s} for %[1]s after they open, or {unused: %[1]s} for %[1]s without earning or claiming", periodText(p))
				}
				r.errorAt(n, fmt.Sprintf("%s does not say when they end", map[bool]string{true: strconv.Quote(n.text), false: n.form.String()}[n.form == scalar]), hint)
				return e, false
			}
			before := len(r.problems)
			s := expireKeys().fill(r, n, &e)
			first := ""
			for _, name := range []string{"after", "unused", "each"} {
				switch at := s.key(name); {
				case at == nil:
				case first != "":
					r.errorAt(at, fmt.Sprintf("they end in one way, and %s says one already", first), "keep one of the two")
				default:
					first = name
				}
			}
			for _, goes := range [][2]string{{"round", "after"}, {"grace", "each"}} {
				if at := s.key(goes[0]); at != nil && first != "" && first != goes[1] {
					r.errorAt(at, fmt.Sprintf("%s goes with %s, not with %s", goes[0], goes[1], first), "leave it out")
				}
			}
			if first == "" && len(r.problems) == before {
				r.errorAt(n, "nothing says when they end", "write "+expiryForms)
			}
			return e, len(r.problems) == before
		},
		show: func(e loyalty.Expiry, _ string) string { return expiryText(e) },
	}
}

func expiryText(e loyalty.Expiry) string {
	switch none := (loyalty.Period{}); {
	case e.After != none && e.Round != "":
		return fmt.Sprintf("%s after they open, to the end of the %s", periodText(e.After), e.Round)
	case e.After != none:
		return periodText(e.After) + " after they open"
	case e.Unused != none:
		return periodText(e.Unused) + " after the member last earned or claimed"
	case e.Month != 0 && e.Grace != none:
		return fmt.Sprintf("each year after %02d-%02d, what opened in the %s before a year later", e.Month, e.Date, periodText(e.Grace))
	case e.Month != 0:
		return fmt.Sprintf("each year after %02d-%02d", e.Month, e.Date)
	}
	return "never"
}

// yearlyDay is 12-31, a day that each year has.
func yearlyDay(s string) (loyalty.Birthday, error) {
	b, err := loyalty.ParseBirthday("--" + s)
	switch {
	case err != nil:
		return b, wrong{fmt.Sprintf("%q is not a day of each year", s), "write month and day, like 12-31"}
	case s == "02-29":
		return b, wrong{"not every year has a 02-29", "write 02-28"}
	}
	return b, nil
}

// readTiers reads the tiers and checks that each can be held.
func readTiers(r *loader, n *node, l *Loyalty) {
	l.Tiers = named(tierKeys(), "write silver: {when: spent(\"12m\") >= 250.00, keep: 12m}",
		func(name string) Tier { return Tier{Name: name} }, checkTier)(r, n)
	for i, low := range l.Tiers {
		for _, high := range l.Tiers[i+1:] {
			if low.When != nil && high.When != nil && !segments.Never(low.When, nil) && segments.Never(low.When, high.When) {
				at := (section{r, n}).key(low.Name)
				r.errorAt(at, fmt.Sprintf("nobody can ever hold %s: who does qualifies for %s, which is higher", low.Name, high.Name), "write the tiers from the lowest to the highest")
				break
			}
		}
	}
}

func checkTier(r *loader, s section, t *Tier) {
	if at := s.key("grace"); at != nil && !s.has("keep") {
		r.errorAt(at, "grace begins when keep ends, and nothing says how long the tier is kept", "write keep: 12m, or leave grace out")
	}
	at := s.get("when")
	switch {
	case t.When == nil || at == nil:
	case segments.Never(t.When, nil):
		r.errorAt(at, fmt.Sprintf("nobody can ever hold %s", t.Name), "write a rule that a member can meet")
	case len(t.When.Goals()) == 0:
		r.warnAt(at, fmt.Sprintf("what a member lacks for %s cannot be told, since no part of the rule is a figure that rises to a number", t.Name), `members see it with a rule like spent("12m") >= 250.00`)
	}
}

// tierRule is the rule of a tier.
func tierRule(r *loader, n *node, t *Tier) {
	before := len(r.problems)
	rule := r.rule(n, r.scope(), segments.Parse)
	if rule == nil {
		return
	}
	if segments.Never(rule, nil) {
		r.problems = r.problems[:before] // checkTier says it of the tier
	}
	for _, field := range rule.Reads() {
		switch {
		case field == "tier" || field == "days_in_tier" || field == "days_until_tier_ends" || field == "tier_progress" || field == "missing_for_tier":
			r.errorAt(n, fmt.Sprintf("the rule of a tier reads %s, which goes round in a circle", field), "say what members do for it, like orders or spent")
			return
		case field == "points":
			r.warnAt(n, "the rule reads the balance of points: who claims a reward loses what counts for the tier", `points_earned("12m") counts what was earned, spent or not`)
		}
	}
	t.When = rule
}

// readKeep reads how long a tier is kept: a length, or year.
func readKeep(r *loader, n *node, t *Tier) {
	if n.form == scalar && n.text == "year" {
		t.KeepYear = true
		return
	}
	if p, ok := period().read(r, n); ok {
		t.Keep = p
	}
}

func keepText(t *Tier, _ string) string {
	if t.KeepYear {
		return "through the next calendar year"
	}
	return periodText(t.Keep)
}

// times is 1.25x, in percent.
func times() kind[int64] {
	return of(func(s string) (int64, error) {
		number, marked := strings.CutSuffix(s, "x")
		v, exact, err := loyalty.ParseExact(strings.TrimSpace(number), 2)
		switch {
		case err != nil:
			return 0, wrong{fmt.Sprintf("%q is not how many times what others earn", s), "write it like 1.25x"}
		case !marked:
			return 0, wrong{fmt.Sprintf("%q may be points or times", s), fmt.Sprintf("write %sx for so many times what others earn", number)}
		case !exact:
			return 0, wrong{fmt.Sprintf("%q is finer than we count", s), "at most two decimals, like 1.25x"}
		case v <= 0 || v > 10000:
			return 0, wrong{fmt.Sprintf("%q is out of bounds", s), "0.01x to 100x will do"}
		}
		return v, nil
	}, timesText)
}

func timesText(percent int64) string {
	if percent == 0 {
		return ""
	}
	text := loyalty.FormatDecimal(percent, 2)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "x"
}

// readCards reads the punch cards.
func readCards(r *loader, n *node, l *Loyalty) {
	l.Cards = named(cardKeys(), "write coffee: {stamp: category \"Coffee\", of: 10, gives: free-coffee}",
		func(name string) Card { return Card{Name: name} }, checkCard)(r, n)
}

func checkCard(r *loader, s section, c *Card) {
	if at := s.key("minimum"); at != nil && c.Stamp.For != "order" {
		r.errorAt(at, "minimum is of an order, and this card has no stamp for an order", "write stamp: order, or leave minimum out")
	}
	if c.Stamp.For == "item" && !s.has("at_most") {
		r.warnAt(s.key("stamp"), "each piece is a stamp: of what is sold by weight or volume, one order may have thousands", "write at_most: 4 per order")
	}
}

// readStamp reads for what a card has a stamp: order, item, category "Coffee", 10.00.
func readStamp(r *loader, n *node, c *Card) {
	if _, ok := r.text(n); !ok {
		return
	}
	s := newSentence(n.text, r.program.Currency)
	e := s.stamp()
	if r.said(n, s) {
		r.aboutName(n, s, e.Of)
		e.Minimum, c.Stamp, c.Spec = c.Stamp.Minimum, e, strings.TrimSpace(n.text)
	}
}

// limit is 4 per order or 1 per 30d.
func limit() kind[loyalty.Limit] {
	return kind[loyalty.Limit]{
		read: func(r *loader, n *node) (loyalty.Limit, bool) {
			if _, ok := r.text(n); !ok {
				return loyalty.Limit{}, false
			}
			s := newSentence(n.text, "")
			l := s.limit()
			s.end("at most so many, like 4 per order or 1 per 30d")
			return l, r.said(n, s)
		},
		show: func(l loyalty.Limit, _ string) string { return limitText(l) },
	}
}

// limitText is a limit as the file says it: 1 per 30d.
func limitText(l loyalty.Limit) string {
	if l.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d per %s", l.N, l.In+periodText(l.Per))
}

// pool is the name of a pool of pools.yaml.
func pool() kind[string] {
	return kind[string]{show: func(v, _ string) string { return v }, read: func(r *loader, n *node) (string, bool) {
		return parsed(r, n, func(s string) (string, error) {
			var names []string
			for _, p := range r.program.Pools {
				names = append(names, p.Name)
			}
			if !slices.Contains(names, s) && !r.blind {
				return "", wrong{fmt.Sprintf("there is no pool %q", s), suggest(s, names, "name it in pools.yaml")}
			}
			return s, nil
		})
	}}
}

func (p *Program) pool(name string) (Pool, bool) {
	i := slices.IndexFunc(p.Pools, func(pool Pool) bool { return pool.Name == name })
	if i < 0 {
		return Pool{}, false
	}
	return p.Pools[i], true
}

// readRewards reads what members can claim.
func readRewards(r *loader, n *node, l *Loyalty) {
	l.Rewards = named(rewardKeys(), "write latte: {price: 300, gives: free-coffee}",
		func(name string) Reward { return Reward{Name: name} },
		func(r *loader, s section, w *Reward) {
			checkReward(r, s, w, l.Tiers)
			w.Cost = r.cost(w, l.Points)
		})(r, n)
}

// cost is what one of a reward costs the shop: the money off, what a code of its pool is
// worth, or else what the points are worth that are paid for it.
func (r *loader) cost(w *Reward, points *Points) int64 {
	if w.Gives == "" {
		return w.Amount
	}
	if p, known := r.program.pool(w.Gives); known && p.Cost() > 0 {
		return p.Cost()
	}
	if points == nil {
		return 0
	}
	return loyalty.PointsWorth(w.Price, points.Worth)
}

// aYear is how many rewards one a day is.
const aYear = 365

func checkReward(r *loader, s section, w *Reward, tiers []Tier) {
	gives, amount := s.key("gives"), s.key("amount")
	switch {
	case gives == nil && amount == nil && !s.misspelt("gives") && !s.misspelt("amount"):
		r.errorAt(s.n, "nothing says what the reward gives", "gives: a pool of pools.yaml, or amount: money off at the till")
	case gives != nil && amount != nil:
		r.errorAt(amount, "a reward gives one thing, and this one gives a code already", "make a reward of its own for it")
	}
	if at := s.key("steps"); at != nil && amount == nil {
		r.errorAt(at, "steps goes with amount, and this reward gives no money off", "leave it out")
	}
	switch at := s.key("at_most"); {
	case at == nil:
	case amount == nil && w.Most != 0:
		r.errorAt(at, "a share of the order goes with amount, and this reward gives no money off", "write at_most: 1 per 30d for so many claims of a member, or leave it out")
	case amount != nil && w.AtMost.N != 0:
		r.errorAt(at, "money off has a share of the order at most", "write it like 50%")
	case w.AtMost.In != "":
		r.errorAt(at, "a reward is claimed in a length of time, and not per order", "write it like 1 per 30d")
	}
	at := s.get("gives")
	if p, known := r.program.pool(w.Gives); known && at != nil {
		stock := p.Stock
		if stock == 0 && p.Budget > 0 && p.Cost() > 0 {
			stock = p.Budget / p.Cost()
		}
		switch {
		case p.Points > 0:
			r.errorAt(at, fmt.Sprintf("pool %s gives points, and the reward is paid for with points", p.Name), "let it give something else")
		case stock > 0 && stock < aYear:
			r.warnAt(at, fmt.Sprintf("pool %s has %d codes, less than one a day for a year: claims fail when they are gone", p.Name, stock), "raise its stock or budget in pools.yaml")
		}
	}
	for _, name := range w.Tiers {
		if !slices.ContainsFunc(tiers, func(t Tier) bool { return t.Name == name }) {
			var names []string
			for _, t := range tiers {
				names = append(names, t.Name)
			}
			place := s.get("tiers")
			for _, item := range place.items {
				if item.text == name {
					place = item
				}
			}
			r.errorAt(place, fmt.Sprintf("there is no tier %q", name), suggest(name, names, "name it under tiers"))
		}
	}
}

// price is what a reward costs in points.
func price() kind[int64] {
	as := whole[int64](1, 1e9)
	return kind[int64]{show: as.show, read: func(r *loader, n *node) (int64, bool) {
		if n.form == scalar && n.text == "0" {
			r.errorAt(n, "a reward for 0 points could be claimed again and again", "write its price, or give codes away by a campaign")
			return 0, false
		}
		return as.read(r, n)
	}}
}

// wholePercent is 50%.
func wholePercent() kind[int] {
	return number("%", func(s string) (int, error) {
		n, marked := strings.CutSuffix(s, "%")
		v, err := strconv.Atoi(strings.TrimSpace(n))
		if err != nil || !marked || v < 1 || v > 100 {
			return 0, wrong{fmt.Sprintf("%q is not a share of the order", s), "write it like 50%"}
		}
		return v, nil
	})
}

// readMost reads the most of a reward: a share of the order that money pays, or so many
// claims of a member.
func readMost(r *loader, n *node, w *Reward) {
	if n.form == scalar && strings.Contains(n.text, " per ") {
		w.AtMost, _ = limit().read(r, n)
		return
	}
	w.Most, _ = wholePercent().read(r, n)
}

func mostText(w *Reward, currency string) string {
	if w.AtMost.N != 0 {
		return limitText(w.AtMost)
	}
	return wholePercent().show(w.Most, currency)
}

// readReferral reads what bringing a friend gives.
func readReferral(r *loader, n *node, l *Loyalty) {
	f := &Referral{}
	if s := referralKeys().fill(r, n, f); s.n != nil {
		l.Referral = f
	}
}

// readReferrer reads what the referrer gets: points, or a code of a pool.
func readReferrer(r *loader, n *node, f *Referral) {
	text, ok := r.text(n)
	switch {
	case !ok:
	case text != "" && text[0] >= '0' && text[0] <= '9' && strings.Trim(text, "0123456789.,%+- ") == "":
		f.ReferrerPoints, _ = whole[int64](1, 1e9).read(r, n)
	default:
		f.ReferrerPool, _ = pool().read(r, n)
	}
}

// readAlsoRefuse reads by which attributes two members are told to live in one household.
func readAlsoRefuse(r *loader, n *node, f *Referral) {
	f.AlsoRefuse = distinct(r, n, "%q", func(item *node) (string, bool) {
		name := r.words(item)
		switch kind, ok := r.program.Attributes[name]; {
		case name == "":
			return "", false
		case !ok:
			try := fmt.Sprintf("have the shop send it with its members, and write attributes: {%s: text} in program.yaml", name)
			if near := loyalty.Nearest(name, sortedKeys(r.program.Attributes)); near != "" {
				try = fmt.Sprintf("did you mean %q?", near)
			}
			r.errorAt(item, fmt.Sprintf("%q is no attribute of members: what is compared is what the shop says of both under that name", name), try)
		case kind != segments.Text && kind != segments.Number:
			r.errorAt(item, fmt.Sprintf("%q tells no households: it is no text and no number", name), "name an attribute like address or postcode")
		}
		return name, true
	})
}
