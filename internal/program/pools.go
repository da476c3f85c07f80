package program

import (
	"fmt"
	"math/bits"

	"regulars/internal/loyalty"
)

// The kinds of pools.
const (
	Generated = "generated"
	Imported  = "imported"
	Shared    = "shared"
)

func (r *loader) readPools() {
	root := r.own(poolsFile)
	if root == nil {
		return
	}
	for _, kv := range r.few((section{r, root}).pairs()) {
		if r.checkName(kv.key, "a pool", kv.key.text) {
			p := Pool{Name: kv.key.text}
			s := poolKeys().fill(r, kv.value, &p)
			if s.n != nil {
				r.checkGift(s, &p)
				r.checkCodes(s, &p)
			}
			r.program.Pools = append(r.program.Pools, p)
		}
	}
}

// gifts are the keys of which a pool has exactly one.
var gifts = []string{"percent", "amount", "item", "free_shipping", "points", "perk"}

// checkGift checks what a code of the pool is good for, and the limits of that.
func (r *loader) checkGift(s section, p *Pool) {
	first := ""
	for _, key := range gifts {
		switch {
		case !s.has(key):
		case first != "":
			r.errorAt(s.key(key), fmt.Sprintf("a pool gives exactly one thing, and this one gives %s already", first), "make a pool of its own for it")
		default:
			first = key
		}
	}
	switch {
	case first == "":
		r.errorAt(s.n, "nothing says what a code is good for", "give one of "+inWords(gifts))
	case first == "item" && !s.has("worth"):
		r.errorAt(s.key("item"), "an item needs its worth", "worth: what it costs you, like 2.40, for reports and budgets")
	case s.has("worth") && first != "item":
		r.errorAt(s.key("worth"), "worth goes with an item", "leave it out")
	case first == "free_shipping" && !p.FreeShipping && s.get("free_shipping") != nil:
		r.errorAt(s.key("free_shipping"), "the pool gives nothing when free_shipping is not true", "write free_shipping: true")
	}
	switch {
	case p.Low > p.Stock && p.Stock > 0:
		r.errorAt(s.get("low"), fmt.Sprintf("low is above the stock of %d, so the pool would be low from the start", p.Stock), "warn below a smaller number")
	case p.Budget > 0 && p.Budget < p.Cost():
		r.errorAt(s.get("budget"), fmt.Sprintf("the budget does not suffice for one code, which is worth %s %s", loyalty.FormatMoney(p.Cost(), r.program.Currency), r.program.Currency), "raise the budget")
	}
}

// Cost is what a code costs the shop when it is used, in minor units; 0 where that
// depends on the order.
func (p Pool) Cost() int64 { return p.Amount + p.Worth }

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

// checkCodes checks where the codes come from and how the shop learns of them.
func (r *loader) checkCodes(s section, p *Pool) {
	if p.Kind == "" {
		return
	}
	for _, only := range []struct{ key, kind, hint string }{
		{"pattern", Generated, "like pattern: BACK-####-####, where each # is a letter or digit by chance"},
		{"checkout", Generated, "say how the shop learns of the codes: asks_us (till or shop asks /v1/coupons) or file (you export them)"},
		{"code", Shared, "the one code that everybody gets, like code: SUMMER10"},
	} {
		switch {
		case p.Kind == only.kind && !s.has(only.key):
			r.errorAt(s.n, fmt.Sprintf("a %s pool needs %s", p.Kind, only.key), only.hint)
		case p.Kind != only.kind && s.has(only.key):
			r.errorAt(s.key(only.key), fmt.Sprintf("%s is for %s pools, and this one is %s", only.key, only.kind, p.Kind), "leave it out")
		}
	}
	if p.Pattern != "" && p.Kind == Generated {
		r.checkPattern(s.get("pattern"), p)
	}
	if p.Code != "" && loyalty.FoldCode(p.Code) == "" {
		r.errorAt(s.get("code"), fmt.Sprintf("%q has no letter or digit", p.Code), "write a code that people can type")
	}
	for _, other := range r.program.Pools {
		if p.Code != "" && other.Code != "" && loyalty.FoldCode(other.Code) == loyalty.FoldCode(p.Code) {
			r.warnAt(s.get("code"), fmt.Sprintf("to a till %s is the same code as that of pool %s: only one of the two can give it, and campaigns with the other fail", p.Code, other.Name), "give each pool a code of its own")
		}
	}
}

// unknownStock is how many codes we suppose that a pool will need which says
// neither a stock nor a budget that bounds it.
const unknownStock = 1000

// spareBits is how much larger than the stock the room of possible codes has to
// be: of a million guesses, one finds a code.
const spareBits = 20

// checkPattern asks for codes that cannot be guessed.
func (r *loader) checkPattern(n *node, p *Pool) {
	pattern, err := loyalty.ParseCodePattern(p.Pattern)
	if err != nil {
		r.errorAt(n, err.Error(), "")
		return
	}
	p.Pattern = string(pattern)
	stock := p.Stock
	if stock == 0 && p.Budget > 0 && p.Cost() > 0 {
		stock = p.Budget / p.Cost()
	}
	if stock == 0 {
		stock = unknownStock
	}
	if need := bits.Len64(uint64(stock-1)) + spareBits; pattern.Bits() < need {
		r.errorAt(n, fmt.Sprintf("codes like %s could be guessed, with %d # for a stock of %d", p.Pattern, pattern.Bits()/5, stock), fmt.Sprintf("use at least %d #", (need+4)/5))
	}
}
