package program

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// loyaltyFile says how members earn, what they climb and what they get for it.
const loyaltyFile = "loyalty.yaml"

// readLoyaltyNames reads what tiers, cards and rewards are called, and how many stamps fill
// a card, before the rules that name them. What is wrong is said when the file is read, and
// what rewards ask for is filled in then (readLoyalty).
func (r *loader) readLoyaltyNames() {
	r.tierRules = map[string]string{}
	r.tiers, r.cards, r.rewards, r.graces = []string{}, map[string]int64{}, map[string]segments.Price{}, map[string]loyalty.Period{}
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
		r.rewards[kv.key.text] = segments.Price{}
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
	maps.Copy(r.graces, l.graces())
	for _, w := range l.Rewards {
		r.rewards[w.Name] = r.program.Price(w)
	}
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
	for _, lang := range r.program.Languages {
		if read := CalledIn(called, r.program.Languages, lang); called[lang] == "" && read != "" && !r.blind {
			r.warnAt(n, fmt.Sprintf("nothing is said in %s, so its readers read %q", lang, read), fmt.Sprintf("write %s: and what they are to read", lang))
		}
	}
	return called
}

// CalledIn is what members read in their language in place of a name: what is said in it, or
// else in the first of the program's languages in which something is said. "": in none.
func CalledIn(called map[string]string, languages []string, language string) string {
	plain, _, _ := strings.Cut(language, "-")
	for _, l := range append([]string{language, plain}, languages...) {
		if name := called[l]; name != "" {
			return name
		}
	}
	return ""
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
