package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"regulars/internal/loyalty"
)

// world is a made-up shop: so many members and orders over three years. Nothing
// of it is held in memory: who a member is follows from the id, and the orders
// are drawn again, the same ones, each time that they are walked through.
type world struct {
	members, orders int
	seed            uint64
	today           loyalty.Day
	shelf           []product
	step            int  // coprime with members: spreads the heavy buyers over the ids
	named           bool // members have names and addresses
}

// days is how far back the orders reach.
const days = 3 * 365

func newWorld(members, orders int, seed uint64, today loyalty.Day) *world {
	w := &world{members: members, orders: orders, seed: seed, today: today, step: 1}
	for _, prime := range []int{387_420_499, 15_485_863, 7_368_787} {
		if members%prime != 0 {
			w.step = prime
			break
		}
	}
	w.shelf = stock(rand.New(rand.NewPCG(seed, 1)))
	return w
}

// person is who a member is.
type person struct {
	id          int
	joined      bool
	from, until int // days of the three years between which they buy
	taste       int // the category that they like best
	country     string
	language    string
	topics      [3]int // for offers, newsletter, program: 1 yes, 0 no, -1 never asked
}

var homes = []struct{ country, language string }{{"FI", "fi"}, {"FI", "fi"}, {"FI", "sv"}, {"NL", "nl"}, {"GR", "el"}, {"GB", "en"}}

// member says who a member is; ids begin at 1.
func (w *world) member(id int) person {
	h := mix(w.seed ^ uint64(id)*0x9e3779b97f4a7c15)
	part := func(n uint64) int { v := h % n; h = mix(h); return int(v) }
	home := homes[part(uint64(len(homes)))]
	p := person{id: id, joined: part(100) < 85, from: part(days+400) - 400, taste: part(uint64(len(categories))), country: home.country, language: home.language}
	p.until = math.MaxInt
	if stays := part(1000); stays >= 250 { // a quarter never leaves, the others after 500 days on average
		p.until = p.from + 10 + int(-500*math.Log(float64(stays-249)/751))
	}
	for i, yes := range []int{60, 40, 90} {
		if p.joined {
			switch at := part(100); {
			case at < yes:
				p.topics[i] = 1
			case at > 95:
				p.topics[i] = -1
			}
		} else {
			p.topics[i] = -1
		}
	}
	return p
}

// called is what a member is called, and where mails go.
func (p person) called() (first, last, email string) {
	h := mix(uint64(p.id))
	first, last = firstNames[h%uint64(len(firstNames))], lastNames[h>>20%uint64(len(lastNames))]
	return first, last, fmt.Sprintf("m-%07d@people.example", p.id)
}

var (
	firstNames = []string{"Ana", "Aino", "Anna", "Bart", "Daan", "Eleni", "Emma", "Eva", "George", "Giorgos", "Ida", "Jan", "Jarno", "Kaisa", "Liisa", "Maria", "Mark", "Matti", "Nikos", "Olga", "Otto", "Päivi", "Sara", "Sofia", "Åke", "Ville"}
	lastNames  = []string{"Åström", "Bakker", "de Vries", "Dimou", "Hämäläinen", "Heikkinen", "Jansen", "Jones", "Karlsson", "Koskinen", "Laine", "Lindholm", "Makris", "Meijer", "Mäkinen", "Nieminen", "Nikolaou", "Papadopoulos", "Petrovska", "Smith", "Taylor", "van Dijk", "Virtanen", "Visser", "Wood"}
)

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sale is an order. Its lines are overwritten by the next one's.
type sale struct {
	id, member         int
	day                loyalty.Day
	at                 time.Time
	status             string
	total, refunded    int64
	discount, quantity int64
	shop               int // 0: the web shop
	lines              []line
}

type line struct {
	*product
	quantity, total int64
}

// walk returns a function that gives the orders in the order of time, nil after
// the last. Later years are busier, Decembers more so, Julys less.
func (w *world) walk() func() *sale {
	rng := rand.New(rand.NewPCG(w.seed, 2))
	s := &sale{}
	until := w.calendar()
	day := 0
	return func() *sale {
		if s.id == w.orders {
			return nil
		}
		for s.id >= until[day] {
			day++
		}
		s.id++
		w.draw(s, day, rng)
		return s
	}
}

// calendar returns how many orders there are up to the end of each day.
func (w *world) calendar() []int {
	sums, sum := make([]float64, days), 0.0
	for d := range sums {
		sum += (1 + float64(d)/days) * season((w.first() + loyalty.Day(d)).UTC().Month())
		sums[d] = sum
	}
	until := make([]int, days)
	for d := range until {
		until[d] = int(math.Round(sums[d] / sum * float64(w.orders)))
	}
	return until
}

func season(m time.Month) float64 {
	switch m {
	case time.December:
		return 1.6
	case time.November:
		return 1.2
	case time.July:
		return 0.7
	}
	return 1
}

func (w *world) first() loyalty.Day { return w.today - days + 1 }

// draw makes the next order, of that day.
func (w *world) draw(s *sale, day int, rng *rand.Rand) {
	p := w.buyer(day, rng)
	s.member, s.day = p.id, w.first()+loyalty.Day(day)
	s.at = s.day.UTC().Add(8*time.Hour + time.Duration(rng.IntN(12*3600))*time.Second)
	s.shop = max(0, rng.IntN(40)-19)
	s.total, s.quantity, s.lines = 0, 0, s.lines[:0]
	for {
		l := line{product: w.pick(p, rng), quantity: 1}
		if rng.IntN(5) == 0 {
			l.quantity += int64(rng.IntN(3))
		}
		l.total = l.price * l.quantity
		s.total, s.quantity, s.lines = s.total+l.total, s.quantity+l.quantity, append(s.lines, l)
		if rng.IntN(5) < 3 || len(s.lines) == 8 {
			break
		}
	}
	s.status, s.refunded, s.discount = loyalty.Paid, 0, 0
	switch rng.IntN(100) {
	case 0, 1, 2:
		s.status = loyalty.Cancelled
	case 3, 4:
		s.refunded = s.total / 2
	case 5, 6, 7, 8, 9:
		s.discount = s.total / 10
	}
}

// buyer draws who orders on a day, of those who buy then. Few buy most: the first
// hundredth of them makes about a sixth of all orders, the heaviest about eighty
// times as many as the mean.
func (w *world) buyer(day int, rng *rand.Rand) person {
	const head, tail = 0.03, 2.5
	low, high := math.Pow(head, tail), math.Pow(1+head, tail)
	for try := 0; ; try++ {
		rank := int(float64(w.members) * (math.Pow(rng.Float64()+head, tail) - low) / (high - low))
		p := w.member(1 + min(rank, w.members-1)*w.step%w.members)
		if p.from <= day && day <= p.until || try == 1000 {
			return p
		}
	}
}

// product is something on the shelf.
type product struct {
	sku, name, category, brand string
	price                      int64
}

var categories = []string{
	"coffee", "tea", "chocolate", "biscuits", "bread", "cheese", "fruit", "vegetables", "meat", "fish", "wine", "beer",
	"pasta", "spices", "honey", "cat food", "dog food", "candles", "soap", "paper", "books", "toys", "kitchen", "garden",
}

// perCategory is how many products each category has.
const perCategory = 40

func stock(rng *rand.Rand) []product {
	shelf := make([]product, 0, len(categories)*perCategory)
	for c, category := range categories {
		level := 150 * math.Exp(rng.Float64()*2.2) // cents
		for n := range perCategory {
			shelf = append(shelf, product{
				sku: fmt.Sprintf("SKU-%02d%02d", c, n), name: fmt.Sprintf("%s no. %d", category, n+1),
				category: category, brand: fmt.Sprintf("Brand %d", 1+c*3%50+n%4),
				price: int64(level*math.Exp(rng.NormFloat64()*0.5)) + 49,
			})
		}
	}
	return shelf
}

// pick draws a product: every other time of the member's own taste.
func (w *world) pick(p person, rng *rand.Rand) *product {
	c := p.taste
	if rng.IntN(2) == 0 {
		at := rng.Float64()
		c = int(at * at * float64(len(categories)))
	}
	at := rng.Float64()
	return &w.shelf[c*perCategory+int(at*at*perCategory)]
}
