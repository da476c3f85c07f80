package templates

import (
	"cmp"
	"maps"
	"slices"
)

// Kind says what a field holds, and so how it is shown.
type Kind int

// The kinds of fields. Data gives Text as string, Number as any number, Money as an
// integer in minor units or a decimal (float64, json.Number, string) in the
// currency's own, Date as time.Time, loyalty.Instant, loyalty.Day, "2006-01-02" or
// RFC 3339, Bool as bool, Link as string and Texts as []string or []any. What does
// not fit is shown as nothing.
const (
	None Kind = iota // not there
	Text
	Number
	Money
	Date
	Bool
	Link
	Texts
	Lines   // the lines of an order: []map[string]any
	Cards   // the punch cards of a member, the same
	Rewards // … what their points are good for
	Entries // … and what came and went; each has its Booked as "booked"
	Change  // a number with its sign

	group    // a root by itself, as in {{ if coupon }}
	anything // a property of an event: only known when it is shown
)

// Fields says what a mail may read, besides member, shop and links, which every
// mail may. A field that is not there is a Problem.
type Fields struct {
	Attributes map[string]Kind // the program's own, read as member.NAME
	Launch     map[string]Kind // the values of a launch, read as launch.NAME
	Order      bool            // an order started the campaign: order.total, order.lines …
	Event      bool            // an event did: event.type, event.at and any property of it
	Milestone  Kind            // Number or Money: milestone.value; None: no milestone
	Points     bool            // the program keeps points: points.balance …
	Rewards    bool            // … and has something for them: range rewards
	Cards      []string        // the program's punch cards: card "coffee", range cards
	Tiers      bool            // it has tiers: tier.name …
	Missing    Kind            // Number or Money: tier.missing; None: it cannot be told
	Referral   bool            // the program rewards who brings friends: referral.code, referral.link
	Coupon     bool            // the step gives a code (or an earlier one did): coupon.code …
	Service    bool            // class service: the footer need not have an unsubscribe link
	Stranger   bool            // it goes to somebody who is no customer yet: the footer says only who sends it

	Pictures map[string]Picture // the program's own, by their paths: ![…](pictures/bag.jpg)

	Own map[string]Phrases // words of languages that the shop brings itself, by language
}

// Picture is a picture of the program: under which name it is served, and its width in
// pixels.
type Picture struct {
	Served string
	Width  int
}

// catalogue lists the fields of each root, whether this mail has that root or not.
func (f Fields) catalogue() map[string]map[string]Kind {
	all := map[string]map[string]Kind{
		"member": {
			"id": Text, "first_name": Text, "last_name": Text, "name": Text, "email": Text,
			"language": Text, "country": Text, "tags": Texts, "birthday": Date, "joined": Date,
			"points": Number, "orders": Number, "spent": Money, "first_order": Date, "last_order": Date,
		},
		"shop": {"name": Text, "url": Link, "address": Text},
		"links": {
			"unsubscribe": Link, "preferences": Link, "member": Link, "confirm": Link,
		},
		"coupon": {
			"code": Text, "pool": Text, "gives": Text, "percent": Number, "amount": Money, "item": Text,
			"points": Number, "perk": Text, "free_shipping": Bool, "minimum": Money, "ends": Date,
		},
		"order": {
			"id": Text, "date": Date, "total": Money, "discount": Money, "quantity": Number,
			"status": Text, "shop": Text, "lines": Lines,
		},
		"event":     {"type": Text, "at": Date},
		"milestone": {"figure": Text, "value": max(f.Milestone, Number)},
		"launch":    {},
		"referral":  {"code": Text, "link": Link},
	}
	if f.Points {
		all["points"] = map[string]Kind{"balance": Number, "pending": Number, "worth": Money, "expiring": Number, "expire_on": Date, "as_of": Date, "called": Text, "earned": Number}
	}
	if f.Tiers {
		all["tier"] = map[string]Kind{"name": Text, "until": Date, "next": Text}
		if f.Missing != None {
			all["tier"]["missing"] = f.Missing
		}
	}
	maps.Copy(all["launch"], f.Launch)
	for name, kind := range f.Attributes {
		if _, ours := all["member"][name]; !ours {
			all["member"][name] = kind
		}
	}
	return all
}

// Placeholders lists what a mail with these fields may show, like member.first_name,
// sorted.
func (f Fields) Placeholders() (names []string) {
	for root, fields := range f.catalogue() {
		if !f.has(root) {
			continue
		}
		for field := range fields {
			names = append(names, root+"."+field)
		}
	}
	slices.Sort(names)
	return names
}

// lineFields lists the fields of one order line, read as .name inside {{ range order.lines }}.
func lineFields() map[string]Kind {
	return map[string]Kind{
		"product": Text, "name": Text, "category": Text, "brand": Text, "quantity": Number, "total": Money,
	}
}

// has says whether the mail's campaign gives it this root.
func (f Fields) has(root string) bool {
	switch root {
	case "coupon":
		return f.Coupon
	case "order":
		return f.Order
	case "event":
		return f.Event
	case "milestone":
		return f.Milestone != None
	case "launch":
		return len(f.Launch) > 0
	case "referral":
		return f.Referral
	}
	return true
}

// kind returns the kind of root.field, None when there is no such field.
func (f Fields) kind(root, field string) Kind {
	k, ok := f.catalogue()[root][field]
	if !ok && root == "event" {
		return anything
	}
	return k
}

// names lists every root.field that this mail may read, sorted.
func (f Fields) names() []string {
	var all []string
	for root, fields := range f.catalogue() {
		for field := range fields {
			if f.has(root) {
				all = append(all, root+"."+field)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Sample returns made-up values for all that the mail may show, for previews.
func (m *Mail) Sample() Data { return m.known.sample(m.fields) }

// Sample returns values for every field that the mail may read: for previews,
// and to try out each mail when it is checked.
func (f Fields) Sample() Data { return f.sample(f.catalogue()) }

func (f Fields) sample(all map[string]map[string]Kind) Data {
	d := Data{}
	for root, fields := range all {
		if !f.has(root) || root == "shop" { // the shop is the brand's
			continue
		}
		values := map[string]any{}
		for field, kind := range fields {
			values[field] = sampleValue(root, field, kind)
			if kind == Cards {
				values[field] = f.sampleCards()
			}
		}
		d[root] = values
	}
	return d
}

func sampleValue(root, field string, kind Kind) any {
	switch {
	case root == "links":
		return "https://shop.example/" + field
	case root == "referral" && field == "link":
		return "https://shop.example/join?ref=7K3M-9QXD"
	case root == "referral":
		return "7K3M-9QXD"
	case root == "tier" && field == "name":
		return "Silver"
	case root == "tier" && field == "missing" && kind == Text: // of several figures
		return []Lack{{N: 15000, Of: "spent", Money: true}, {N: 1, Of: "orders"}}
	case root == "points" && samplePoints[field] != 0:
		return samplePoints[field]
	case root == standingRoot && kind == Number: // points earned
		return int64(740)
	case field == "percent":
		return int64(15)
	case root == "coupon" && field != "code" && field != "percent" && field != "ends":
		return nil // a code gives one thing only
	}
	switch kind {
	case Number:
		return int64(5)
	case Money:
		return int64(4990)
	case Date:
		return "2027-06-21"
	case Bool:
		return true
	case Link:
		return "https://shop.example/"
	case Texts:
		return []string{"club"}
	case Lines:
		return []map[string]any{{"product": "SKU-1", "name": "Coffee beans 1 kg", "category": "Coffee", "brand": "Anna's", "quantity": int64(2), "total": int64(4990)}}
	case Rewards:
		return []map[string]any{{"name": "latte", "price": int64(300), "affordable": true}, {"name": "delivery", "price": int64(500), "affordable": false, "missing": int64(60)}}
	case Entries:
		return []map[string]any{
			{"day": "2027-06-21", "points": int64(-300), "booked": Booked{Kind: "redeem", Reward: "latte"}},
			{"day": "2027-06-14", "points": int64(49), "booked": Booked{Kind: "earn", Order: "A-1001"}},
		}
	}
	return cmp.Or(sampleTexts[field], field)
}

func (f Fields) sampleCards() (all []map[string]any) {
	for _, name := range f.Cards {
		all = append(all, map[string]any{"name": name, "stamps": int64(7), "of": int64(10), "missing": int64(3)})
	}
	return all
}

// samplePoints fit the rewards and the statement of a sample, at a worth of 0.01.
var samplePoints = map[string]int64{"balance": 440, "pending": 49, "worth": 440, "expiring": 40}

// sampleTexts are what texts are in a sample; of others their names.
var sampleTexts = map[string]string{
	"first_name": "Ana", "last_name": "Horvat", "name": "Ana Horvat", "email": "ana@example.test", "code": "HELLO-7K2M-9QXT", "figure": "orders", "called": "points", "next": "Gold",
}
