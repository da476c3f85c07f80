package segments

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// memberFields are what is known about the person.
func memberFields() []*entry {
	return []*entry{
		{name: "joined", typ: Bool, from: fromMember,
			noun: "has joined the program", says: "who have joined",
			also: []string{"is_member", "member"},
			in:   column{expr: "f.joined"}},
		{name: "days_since_joined", typ: Number, from: fromMember,
			noun: "days since joining", says: "who joined {n} ago", unit: "day",
			also: []string{"member_since", "days_since_signup", "joined_days"},
			in:   days{column: "f.joined_day"}},
		{name: "country", typ: Text, from: fromMember, undated: true,
			noun: "country", names: Country, check: checkCountry,
			in: column{expr: "f.country", guard: "f.country <> ''"}},
		{name: "language", typ: Text, from: fromMember, undated: true,
			noun: "language", check: checkLanguage, also: []string{"locale"},
			in: column{expr: "f.language", guard: "f.language <> ''"}},
		{name: "tag", typ: Bool, what: "tag", from: fromMember, undated: true,
			noun: "has the tag", says: "who have the tag {x}", also: []string{"tagged", "has_tag", "label"},
			in: presence{rows: tags}},
		{name: "tags", typ: List, from: fromMember, undated: true,
			noun: "tags", names: Tag, in: tagList{}},
		{name: "consent", typ: Bool, what: "topic", from: fromMember, undated: true,
			noun: "agreed to the topic", says: "who agreed to {x}", check: checkTopic,
			also: []string{"opted_in", "opt_in", "subscribed", "accepts_marketing"},
			in:   condition(func(_ *builder, c *call) string { return "f.consent_" + c.what.lit.text })},
		{name: "points", typ: Number, from: fromPoints,
			noun: "points", says: "who have {n}", unit: "point", also: []string{"point", "balance", "points_balance"},
			in: column{expr: "f.points"}},
		{name: "member_id", typ: Text, from: fromMember, undated: true,
			noun: "id at the shop", also: []string{"id", "customer_id", "customer", "external_id"},
			in: ofPerson{"m.external_id"}},
		{name: "bucket", typ: Number, count: "groups", from: fromID,
			noun: "number of the group, from 0, when members are put into so many groups at random; it stays the same for ever",
			also: []string{"sample", "random", "group", "percentile"}, checkTo: checkBucket,
			in: formula{expr: bucketSQL}},
	}
}

// lastingFields read date fields, other segments and whether anything is known.
func lastingFields() []*entry {
	return []*entry{
		{name: "days_since", typ: Number, dated: true, from: fromMember,
			noun: "days since a date field", says: "whose {of} was {n} ago", unit: "day",
			in: fromDate{}},
		{name: "days_until", typ: Number, dated: true, from: fromMember,
			noun: "days until a date field", says: "whose {of} is {n} ahead", unit: "day",
			also: []string{"days_before", "days_to", "until"},
			in:   fromDate{until: true}},
		{name: "in_segment", typ: Bool, what: "segment", from: fromGiven,
			noun: "is in the segment", says: "who are in {x}", also: []string{"segment", "segments"}},
		{name: "known", typ: Bool, dated: true, from: fromGiven,
			noun: "whether a field has a value", says: "whose {of} is known", also: []string{"has", "exists", "is_set"}},
	}
}

// sample keeps the groups of bucket apart from those of holdouts, whose seeds are
// the ids of campaigns.
const sample = 1_912_276_173

func bucketSQL(b *builder, c *call) string {
	return "(" + loyalty.ShuffleSQL(fmt.Sprintf("cast(%d as bigint)", sample), "f.member_id") + " % " + b.bind(c.count) + ")"
}

func checkBucket(c *call, n float64) string {
	if n >= 0 && n < float64(c.count) && n == math.Trunc(n) {
		return ""
	}
	return fmt.Sprintf("the groups of bucket(%d) are numbered from 0 to %d", c.count, c.count-1)
}

// tags are the rows of a member's tags; they have no days.
var tags = rows{table: "member_tags t", member: "t.member_id", match: "t.tag"}

// attribute is the field that program.yaml declares under that name.
func attribute(name string, typ Type) *entry {
	if typ == Money { // attributes have no minor units
		typ = Number
	}
	return &entry{name: name, typ: typ, from: fromMember, undated: true,
		noun: name, in: attr{name: name, typ: typ}}
}

var (
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
	languageCode = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// codes are what people write for countries whose code is another one.
var codes = map[string]string{"UK": "GB", "EL": "GR"}

func checkCountry(s string) string {
	switch {
	case codes[s] != "":
		return `the code of that country is "` + codes[s] + `"`
	case countryCode.MatchString(s):
		return ""
	case countryCode.MatchString(strings.ToUpper(s)):
		return `countries are written in capitals: "` + strings.ToUpper(s) + `"`
	}
	return `a country is its code of two capitals, as in country == "FI"`
}

func checkLanguage(s string) string {
	if languageCode.MatchString(s) {
		return ""
	}
	if lower := strings.ReplaceAll(strings.ToLower(s[:min(2, len(s))])+s[min(2, len(s)):], "_", "-"); len(s) != 3 && languageCode.MatchString(lower) && len(lower) <= 7 && lower != s {
		return `languages are written in small letters, with a hyphen before a region: "` + lower + `"`
	}
	return `a language is its code, as in language == "en" or "zh-Hant"`
}

// topics are what consent knows.
var topics = []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}

func checkTopic(s string) string {
	if slices.Contains(topics, s) {
		return ""
	}
	wrong := unknown(0, "topic", s, topics)
	if len(wrong.Near) == 0 {
		wrong.Message += "."
	}
	return wrong.Message + " The topics are " + strings.Join(topics, ", ")
}
