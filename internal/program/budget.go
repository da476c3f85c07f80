package program

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// warnFrom is from which share of a budget on people are warned, if nothing is said.
const warnFrom = 800

// readBudget reads what points and rewards may cost, after points and rewards.
func readBudget(r *loader, n *node, l *Loyalty) {
	s := budgetKeys().fill(r, n, &l.Budget)
	if s.n == nil {
		return
	}
	b := &l.Budget
	if l.Points != nil {
		b.PointWorth = l.Points.Worth
	}
	liability, rewards := s.key("liability"), s.key("rewards")
	switch {
	case liability == nil && rewards == nil && !s.misspelt("liability") && !s.misspelt("rewards"):
		r.errorAt(n, "nothing says how much the budget is", "write liability: 5000.00 for what all points may be worth, or rewards: 300 a month")
	case liability != nil && b.PointWorth == 0:
		r.errorAt(liability, "what one point is worth is not said, so nobody can say what all of them are", "write worth: 0.01 under points, or leave liability out")
	}
	if rewards != nil && len(l.Rewards) == 0 && !r.blind {
		r.errorAt(rewards, "there are no rewards that could be claimed", "write rewards: {latte: {price: 300, gives: free-coffee}}, or leave it out")
	}
	if at := s.key("stop"); at != nil && b.Stop && rewards == nil {
		r.errorAt(at, "rewards are stopped when their budget is used, and they have none", "write rewards: 300 a month, or leave stop out")
	}
	if !b.Money {
		return
	}
	for _, w := range l.Rewards {
		if w.Cost == 0 && w.Gives != "" {
			r.warnAt(rewards, fmt.Sprintf("nobody knows what reward %s costs: it counts nothing here", w.Name), fmt.Sprintf("say worth or amount of pool %s, or worth under points", w.Gives))
		}
	}
}

// readMonthly reads 300 a month, or 1200.00 EUR a month.
func readMonthly(r *loader, n *node, b *loyalty.Budget) {
	currency := r.program.Currency
	forms := fmt.Sprintf("write 300 a month for so many rewards, or 1200.00 %s a month for what they cost", currency)
	type bound struct {
		n     int64
		money bool
	}
	said, ok := parsed(r, n, func(s string) (bound, error) {
		parts := monthly.FindStringSubmatch(s)
		if parts == nil {
			return bound{}, wrong{fmt.Sprintf("%q is not a budget of a month", s), forms}
		}
		number, unit, every := parts[1], parts[2], parts[3]
		written := strings.TrimSpace(number + " " + unit)
		switch whole, err := strconv.ParseInt(number, 10, 64); {
		case every != "a month":
			return bound{}, wrong{fmt.Sprintf("%q does not say of which time", s), "budgets are of a calendar month: write " + written + " a month"}
		case unit == "" && err != nil:
			return bound{}, wrong{fmt.Sprintf("%q may be rewards or money", number), forms}
		case unit == "" && (whole < 1 || whole > 1e9):
			return bound{}, wrong{fmt.Sprintf("%s is out of bounds", number), "1 to 1000000000 will do"}
		case unit == "":
			return bound{whole, false}, nil
		case unit != currency:
			return bound{}, wrong{fmt.Sprintf("%q is not the program's currency", unit), "all amounts are " + currency + ": write " + number + " " + currency + " a month"}
		}
		v, err := parseAmount(number, currency)
		return bound{v, true}, err
	})
	if ok {
		b.Rewards, b.Money = said.n, said.money
	}
}

// monthly are a number, perhaps a word, and a time.
var monthly = regexp.MustCompile(`^([0-9][0-9.,]*)(?: *([A-Z]{3}))?\s*(.*)$`)

func monthlyText(b *loyalty.Budget, currency string) string {
	switch {
	case b.Rewards == 0:
		return ""
	case b.Money:
		return loyalty.FormatMoney(b.Rewards, currency) + " " + currency + " a month"
	}
	return strconv.FormatInt(b.Rewards, 10) + " a month"
}

// readWarn reads from which share of a budget on people are warned.
func readWarn(r *loader, n *node, b *loyalty.Budget) {
	v, ok := share().read(r, n)
	if ok && v == 0 {
		r.errorAt(n, "0% is reached before anything is claimed", "write a share like 80%")
		return
	}
	b.Warn = v
}

// readStop reads what is stopped when its budget is used: rewards.
func readStop(r *loader, n *node, b *loyalty.Budget) {
	distinct(r, n, "%q", func(item *node) (string, bool) {
		if item.form == scalar && (item.text == "liability" || item.text == "points") {
			r.errorAt(item, fmt.Sprintf("%s cannot be stopped: members have been promised what they earn", item.text), "rewards can: write stop: [rewards], or leave it out")
			return "", false
		}
		what, ok := oneOf("rewards").read(r, item)
		b.Stop = b.Stop || ok
		return what, ok
	})
}

// budget compares what points and rewards may cost.
func (p *comparison) budget(was, is loyalty.Budget) {
	switch none := (loyalty.Budget{}); {
	case was == is:
	case is == none:
		p.add("budget", "", "the budget is removed: nobody is warned any more of what points and rewards cost")
	case was == none:
		currency := p.next.Program.Currency
		var bounds []string
		if is.Liability > 0 {
			bounds = append(bounds, fmt.Sprintf("all points may be worth %s %s", loyalty.FormatMoney(is.Liability, currency), currency))
		}
		if is.Rewards > 0 {
			bounds = append(bounds, fmt.Sprintf("rewards may be %s", monthlyText(&is, currency)))
		}
		then := "more are given all the same"
		if is.Stop {
			then = "when those of a month are used, no reward can be claimed until the next"
		}
		p.add("budget", "", "the budget is new: %s; people are warned from %s on, and %s", strings.Join(bounds, ", "), percent(is.Warn), then)
	default:
		p.different("budget", "", budgetKeys().settings(&was, p.old.Program.Currency), budgetKeys().settings(&is, p.next.Program.Currency))
	}
}
