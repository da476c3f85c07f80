package program

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// place is a part of a program's files with keys of its own.
type place struct {
	name  string   // as the person would say it
	keys  []string // what this version reads
	later []string // what belongs to the format and this version does not do
}

// The places of the format. What stands in later answers "not yet".
var (
	shopPlace = place{"program.yaml", []string{"shop", "mail", "languages", "currency", "zone", "topics", "join", "caps", "quiet", "attributes",
		"news_within", "holdout", "lifecycle", "rfm", "favourites", "tracking"}, []string{"points", "tiers", "referral", "referrals", "goals", "terms"}}
	senderPlace     = place{"shop", []string{"name", "url", "address", "country"}, nil}
	mailPlace       = place{"mail", []string{"from", "reply_to", "alerts"}, nil}
	trackPlace      = place{"tracking", []string{"clicks", "opens"}, nil}
	joinPlace       = place{"join", []string{"confirm"}, []string{"who"}}
	favouritesPlace = place{"favourites", []string{"except"}, nil}
	lifecyclePlace  = place{"lifecycle", []string{"recent", "at_risk", "lost"}, nil}
	rfmPlace        = place{"rfm", []string{"cuts", "recency", "frequency", "monetary"}, nil}
	poolPlace       = place{"a pool", []string{"kind", "pattern", "code", "percent", "amount", "item", "worth", "free_shipping", "points", "perk", "minimum",
		"products", "categories", "first_order", "uses", "transferable", "good_again", "valid_for", "valid_until", "stock", "budget", "low", "checkout"}, nil}
	campaignPlace = place{"a campaign", []string{"live", "was", "start", "for", "except", "until", "again", "class", "topic", "capped", "quiet", "late",
		"catch_up", "holdout", "pilot", "waves", "stock", "steps"}, []string{"limit", "once", "goal"}}
	pilotPlace  = place{"pilot", []string{"size", "then"}, nil}
	wavesPlace  = place{"waves", []string{"size", "every"}, nil}
	stepPlace   = place{"a step", []string{"mail", "wait", "choose", "if", "coupon", "empty", "topic"}, nil}
	choicePlace = place{"a choice", []string{"if", "mail", "coupon", "empty", "topic"}, nil}
)

// path is how a key is called outside its place.
func (p place) path(key string) string {
	if p.name == joinPlace.name {
		return p.name + "." + key
	}
	return key
}

// startPlaces are the forms of a start, by the key that tells them apart.
var startPlaces = map[string]place{
	"enters":    {"this start", []string{"enters", "time", "existing"}, nil},
	"milestone": {"this start", []string{"milestone", "at", "every"}, nil},
	"yearly":    {"this start", []string{"yearly", "before", "time", "zone"}, nil},
	"date":      {"this start", []string{"date", "before", "time"}, nil},
	"event":     {"this start", []string{"event", "where"}, nil},
	"at":        {"this start", []string{"at", "zone"}, nil},
	"every":     {"this start", []string{"every"}, nil},
	"launch":    {"this start", []string{"launch"}, nil},
}

// group is a mapping whose keys are read one by one. The keys that its place does
// not have are reported when it is opened, so none is ever ignored.
type group struct {
	r *reading
	n *node // nil: there was no mapping
}

// group opens a mapping; anything else is reported and answers with no keys.
func (r *reading) group(n *node, p place) group {
	if n == nil {
		return group{r, nil}
	}
	if n.form != mapping {
		r.errorAt(n, fmt.Sprintf("%s is a group of keys, but here stands %s", p.name, n.form), "write {key: value, …}, or each key on an indented line of its own")
		return group{r, nil}
	}
	for _, kv := range n.pairs {
		r.checkKey(kv.key, p)
	}
	return group{r, n}
}

func (r *reading) checkKey(key *node, p place) {
	switch name := key.text; {
	case slices.Contains(p.keys, name):
	case slices.Contains(p.later, name):
		r.notYet(key, p.path(name))
	default:
		hint := elsewhere(name, p)
		if hint == "" {
			hint = suggest(name, p.keys, "")
		}
		r.errorAt(key, fmt.Sprintf("%q is not a key of %s", name, p.name), hint)
	}
}

// elsewhere says where in the format a key belongs that stands in the wrong place.
func elsewhere(name string, p place) string {
	if p.name == startPlaces["at"].name {
		var kinds []string
		for _, kind := range sortedKeys(startPlaces) {
			if slices.Contains(startPlaces[kind].keys, name) && kind != name {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) > 0 && loyalty.Nearest(name, p.keys) == "" {
			return fmt.Sprintf("this one has %s; %s goes with %s", inWords(p.keys), name, inWords(kinds))
		}
	}
	for _, p := range []place{campaignPlace, stepPlace, poolPlace, shopPlace} {
		if slices.Contains(p.keys, name) {
			return fmt.Sprintf("it belongs to %s", p.name)
		}
	}
	return ""
}

// suggest returns a hint: the nearest of the names, or else what the caller knows,
// or else all of them.
func suggest(name string, names []string, otherwise string) string {
	if near := loyalty.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if otherwise != "" || len(names) == 0 {
		return otherwise
	}
	return "it has " + inWords(names)
}

// inWords lists names: a, b and c.
func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// get returns the value of a key, nil when the key is not there. A key without a
// value is reported and answers nil as well.
func (g group) get(name string) *node {
	if g.n == nil {
		return nil
	}
	for _, kv := range g.n.pairs {
		if kv.key.text != name {
			continue
		}
		if kv.value.form == nothing {
			g.r.noValue(kv.key)
			return nil
		}
		return kv.value
	}
	return nil
}

// has reports whether the key stands there, with a value or without.
func (g group) has(name string) bool { return g.key(name) != nil }

// key returns the place of a key's name, nil when it is not there.
func (g group) key(name string) *node {
	if g.n == nil {
		return nil
	}
	for _, kv := range g.n.pairs {
		if kv.key.text == name {
			return kv.key
		}
	}
	return nil
}

// must is get for a key that has to be there.
func (g group) must(name, hint string) *node {
	if g.n != nil && !g.has(name) && !g.misspelt(name) {
		g.r.errorAt(g.n, fmt.Sprintf("%q is missing", name), hint)
	}
	return g.get(name)
}

// misspelt reports whether a key stands there that was said to be this one with a slip.
func (g group) misspelt(name string) bool {
	return slices.ContainsFunc(g.n.pairs, func(kv pair) bool {
		return loyalty.Nearest(kv.key.text, []string{name}) != "" && elsewhere(kv.key.text, place{}) == ""
	})
}

// noValue reports a key without a value, mostly one whose value YAML took for a comment.
func (r *reading) noValue(key *node) {
	hint := "give it one, or delete the line"
	if strings.Contains(key.src.rest(key.line, key.col), " #") {
		hint = "in YAML everything after a blank and # is a comment: put the value in quotes"
	}
	r.errorAt(key, fmt.Sprintf("%q has no value", key.text), hint)
}

// Unknown says that there is no thing of a name, and which was probably meant or
// else which there are.
func Unknown(thing, name string, names []string) string {
	text := fmt.Sprintf("there is no %s %q", thing, name)
	switch near := loyalty.Nearest(name, names); {
	case near != "":
		return fmt.Sprintf("%s; did you mean %q?", text, near)
	case len(names) == 0 || len(names) > 30:
		return text
	}
	return text + "; there are " + inWords(names)
}

// NoCampaign says that a program has no campaign of a name.
func NoCampaign(p *Program, name string) string {
	var names []string
	for _, c := range p.Campaigns {
		if !c.builtIn() {
			names = append(names, c.Name)
		}
	}
	return Unknown("campaign", name, names)
}

// pairs returns all keys that stand there with a value; the others are reported.
func (g group) pairs() []pair {
	if g.n == nil {
		return nil
	}
	var full []pair
	for _, kv := range g.n.pairs {
		if kv.value.form == nothing {
			g.r.noValue(kv.key)
			continue
		}
		full = append(full, kv)
	}
	return full
}
