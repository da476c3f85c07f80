package program

import (
	"fmt"
	"math/bits"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// The kinds of pools.
const (
	Generated = "generated"
	Imported  = "imported"
	Shared    = "shared"
)

// readPools reads pools.yaml.
func (r *reading) readPools() {
	if _, ok := r.files[poolsFile]; !ok {
		return
	}
	root := r.yaml(poolsFile)
	if root == nil {
		r.blind = true
		return
	}
	for _, kv := range r.few((group{r, root}).pairs()) {
		if r.checkName(kv.key, "a pool", kv.key.text) {
			r.program.Pools = append(r.program.Pools, r.readPool(kv))
		}
	}
}

// readPool reads one pool: its kind, what a code gives, and the limits.
func (r *reading) readPool(kv pair) Pool {
	p := Pool{Name: kv.key.text}
	g := r.group(kv.value, poolPlace)
	p.Kind = r.oneOf(g.must("kind", "generated, imported or shared"), Generated, Imported, Shared)
	r.readGift(g, &p)
	r.readLimits(g, &p)
	r.readCodes(g, &p)
	return p
}

// gifts are the keys of which a pool has exactly one.
var gifts = []string{"percent", "amount", "item", "free_shipping", "points", "perk"}

// readGift reads what a code of the pool is good for.
func (r *reading) readGift(g group, p *Pool) {
	first := ""
	for _, key := range gifts {
		switch {
		case !g.has(key):
		case first != "":
			r.errorAt(g.key(key), fmt.Sprintf("a pool gives exactly one thing, and this one gives %s already", first), "make a pool of its own for it")
		default:
			first = key
		}
	}
	if first == "" && g.n != nil {
		r.errorAt(g.n, "nothing says what a code is good for", "give one of "+inWords(gifts))
	}
	p.Percent = int(r.number(g.get("percent"), 1, 100))
	p.Amount = r.money(g.get("amount"))
	p.Item = r.words(g.get("item"))
	p.Worth = r.money(g.get("worth"))
	p.FreeShipping = r.yes(g.get("free_shipping"), false)
	p.Points = r.number(g.get("points"), 1, 1e9)
	p.Perk = r.words(g.get("perk"))
	switch {
	case first == "item" && !g.has("worth"):
		r.errorAt(g.key("item"), "an item needs its worth", "worth: what it costs you, like 2.40, for reports and budgets")
	case g.has("worth") && first != "item":
		r.errorAt(g.key("worth"), "worth goes with an item", "leave it out")
	case first == "free_shipping" && !p.FreeShipping && g.get("free_shipping") != nil:
		r.errorAt(g.key("free_shipping"), "the pool gives nothing when free_shipping is not true", "write free_shipping: true")
	}
}

// readLimits reads for which orders, until when and how often codes are good.
func (r *reading) readLimits(g group, p *Pool) {
	p.Minimum = r.money(g.get("minimum"))
	p.Products = r.several(g.get("products"), segments.Product)
	p.Categories = r.several(g.get("categories"), segments.Category)
	p.FirstOrder = r.yes(g.get("first_order"), false)
	p.Transferable = r.yes(g.get("transferable"), false)
	p.GoodAgain = r.yes(g.get("good_again"), false)
	p.Uses = int(r.number(g.get("uses"), 1, 1e9))
	p.ValidFor = r.days(g.get("valid_for"))
	p.ValidUntil, _ = read(r, g.get("valid_until"), loyalty.ParseDay)
	p.Stock = r.number(g.get("stock"), 1, 1e9)
	p.Low = r.number(g.get("low"), 1, 1e9)
	p.Budget = r.money(g.get("budget"))
	switch {
	case p.Low > p.Stock && p.Stock > 0:
		r.errorAt(g.get("low"), fmt.Sprintf("low is above the stock of %d, so the pool would be low from the start", p.Stock), "warn below a smaller number")
	case p.Budget > 0 && p.Budget < p.worth():
		r.errorAt(g.get("budget"), fmt.Sprintf("the budget does not suffice for one code, which is worth %s", r.amount(p.worth())), "raise the budget")
	}
}

// worth is what one code costs the shop, 0 when that depends on the order.
func (p Pool) worth() int64 { return p.Amount + p.Worth }

// Cost is what a code costs the shop when it is used, in minor units; 0 where that
// depends on the order.
func (p Pool) Cost() int64 { return p.worth() }

// Gives says in words what a code is good for.
func (p Pool) Gives(currency string) string {
	switch {
	case p.Percent > 0:
		return fmt.Sprintf("%d%% off", p.Percent)
	case p.Amount > 0:
		return fmt.Sprintf("%s %s off", loyalty.FormatMoney(p.Amount, currency), currency)
	case p.Item != "":
		return p.Item + " free"
	case p.FreeShipping:
		return "free shipping"
	case p.Points > 0:
		return fmt.Sprintf("%d points", p.Points)
	}
	return p.Perk
}

func (r *reading) amount(minor int64) string {
	return loyalty.FormatMoney(minor, r.program.Currency) + " " + r.program.Currency
}

// readCodes reads where the codes come from and how the shop learns of them.
func (r *reading) readCodes(g group, p *Pool) {
	p.Pattern = r.words(g.get("pattern"))
	p.Code = r.words(g.get("code"))
	p.Checkout = r.oneOf(g.get("checkout"), "asks_us", "file")
	if p.Kind == "" {
		return
	}
	r.onlyFor(g, p.Kind, "pattern", Generated, "like pattern: BACK-####-####, where each # is a letter or digit by chance")
	r.onlyFor(g, p.Kind, "checkout", Generated, "say how the shop learns of the codes: asks_us (till or shop asks /v1/coupons) or file (you export them)")
	r.onlyFor(g, p.Kind, "code", Shared, "the one code that everybody gets, like code: SUMMER10")
	if p.Pattern != "" && p.Kind == Generated {
		r.checkPattern(g.get("pattern"), p)
	}
	if p.Code != "" && loyalty.FoldCode(p.Code) == "" {
		r.errorAt(g.get("code"), fmt.Sprintf("%q has no letter or digit", p.Code), "write a code that people can type")
	}
	for _, other := range r.program.Pools {
		if p.Code != "" && other.Code != "" && loyalty.FoldCode(other.Code) == loyalty.FoldCode(p.Code) {
			r.warnAt(g.get("code"), fmt.Sprintf("to a till %s is the same code as that of pool %s: only one of the two can give it, and campaigns with the other fail", p.Code, other.Name), "give each pool a code of its own")
		}
	}
}

// onlyFor reports a key that one kind of pool needs and the others do not have.
func (r *reading) onlyFor(g group, kind, key, needs, hint string) {
	switch {
	case g.n == nil:
	case kind == needs && !g.has(key):
		r.errorAt(g.n, fmt.Sprintf("a %s pool needs %s", kind, key), hint)
	case kind != needs && g.has(key):
		r.errorAt(g.key(key), fmt.Sprintf("%s is for %s pools, and this one is %s", key, needs, kind), "leave it out")
	}
}

// unknownStock is how many codes we suppose that a pool will need which says
// neither a stock nor a budget that bounds it.
const unknownStock = 1000

// spareBits is how much larger than the stock the room of possible codes has to
// be: of a million guesses, one finds a code.
const spareBits = 20

// checkPattern asks for codes that cannot be guessed.
func (r *reading) checkPattern(n *node, p *Pool) {
	pattern, err := loyalty.ParseCodePattern(p.Pattern)
	if err != nil {
		r.errorAt(n, err.Error(), "")
		return
	}
	p.Pattern = string(pattern)
	stock := p.Stock
	if stock == 0 && p.Budget > 0 && p.worth() > 0 {
		stock = p.Budget / p.worth()
	}
	if stock == 0 {
		stock = unknownStock
	}
	if need := bits.Len64(uint64(stock-1)) + spareBits; pattern.Bits() < need {
		r.errorAt(n, fmt.Sprintf("codes like %s could be guessed, with %d # for a stock of %d", p.Pattern, pattern.Bits()/5, stock), fmt.Sprintf("use at least %d #", (need+4)/5))
	}
}
