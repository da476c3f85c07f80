package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"regulars/internal/loyalty"
)

// country is where a made-up customer lives: its share of customers, its zone
// and language, and names that people have there.
type country struct {
	code, zone, language string
	share                int // of 100
	first, last          []string
}

var countries = []country{
	{"FI", "Europe/Helsinki", "fi", 46,
		[]string{"Aino", "Eino", "Helmi", "Onni", "Siiri", "Väinö", "Lumi", "Eero", "Kerttu", "Oiva", "Saana", "Tuomas"},
		[]string{"Korhonen", "Virtanen", "Mäkinen", "Nieminen", "Mäkelä", "Hämäläinen", "Laine", "Heikkinen", "Koskinen", "Järvinen"}},
	{"NL", "Europe/Amsterdam", "nl", 18,
		[]string{"Saar", "Daan", "Fleur", "Sem", "Noor", "Bram", "Lotte", "Thijs", "Roos", "Joris"},
		[]string{"de Vries", "Jansen", "van den Berg", "Bakker", "Visser", "Smit", "Meijer", "Mulder"}},
	{"GR", "Europe/Athens", "el", 12,
		[]string{"Eleni", "Giorgos", "Maria", "Nikos", "Katerina", "Dimitris", "Sofia", "Kostas"},
		[]string{"Papadopoulou", "Georgiou", "Nikolaidis", "Ioannou", "Dimitriou", "Oikonomou"}},
	{"MK", "Europe/Skopje", "mk", 7,
		[]string{"Ana", "Stefan", "Elena", "Filip", "Marija", "Nikola"},
		[]string{"Stojanovski", "Petrovska", "Trajkovski", "Nikolovska", "Iliev"}},
	{"TW", "Asia/Taipei", "zh-Hant", 6,
		[]string{"Yi-Ting", "Chia-Hao", "Ya-Wen", "Kuan-Yu", "Pei-Shan"},
		[]string{"Chen", "Lin", "Huang", "Chang", "Wang"}},
	{"GB", "Europe/London", "en", 11,
		[]string{"Olivia", "George", "Amelia", "Arthur", "Isla", "Freddie", "Maeve", "Rory"},
		[]string{"Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "O'Neill"}},
}

// product is something on the shelf.
type product struct {
	sku, name, category, brand string
	cents                      int64
	popular                    int // relative
}

var shelf = []product{
	{"HARBOUR-250", "Harbour House blend, 250 g", "Coffee", "Harbour", 890, 30},
	{"HARBOUR-1000", "Harbour House blend, 1 kg", "Coffee", "Harbour", 2990, 14},
	{"YIRGA-250", "Ethiopia Yirgacheffe, 250 g", "Coffee", "Harbour", 1190, 16},
	{"HUILA-250", "Colombia Huila, 250 g", "Coffee", "Harbour", 1090, 14},
	{"DECAF-250", "Quiet Evening decaf, 250 g", "Coffee", "Harbour", 990, 6},
	{"SENCHA-100", "Sencha, 100 g", "Tea", "Linden", 1250, 9},
	{"EARL-100", "Earl Grey, 100 g", "Tea", "Linden", 990, 8},
	{"CHOC-70", "Dark chocolate 70 %", "Treats", "Nordan", 450, 16},
	{"BUNS-6", "Cardamom buns, six", "Treats", "Harbour", 1080, 12},
	{"FILTER-100", "Paper filters, 100", "Brewing", "Kone", 590, 10},
	{"V60", "Ceramic dripper", "Brewing", "Kone", 2790, 3},
	{"GRINDER", "Hand grinder", "Brewing", "Kone", 7900, 2},
	{"MUG", "Harbour mug", "Brewing", "Harbour", 1690, 5},
}

// person is a made-up customer with habits. Orders come as in the BG/NBD model
// (Fader, Hardie and Lee 2005): at a rate of the person's own, until after some
// order the interest is gone.
type person struct {
	id                 string
	first, last, email string
	home               country
	birthday           string
	consent            bool
	joins              time.Time // zero: never
	gap                float64   // mean days between orders
	fades              float64   // probability that an order is the last for now
	basket             float64   // scale of what is put into the basket
	taste              int       // index into shelf
	active             bool
	next               time.Time // the next order, when active
	orders             int
	told               bool   // the shop has told us of the joining
	broughtBy          string // the member who did; "": nobody
}

func newPerson(rng *rand.Rand, n int, joins time.Time) *person {
	home := pickCountry(rng)
	p := &person{
		id: fmt.Sprintf("C-%05d", n), home: home,
		first: home.first[rng.IntN(len(home.first))], last: home.last[rng.IntN(len(home.last))],
		joins: joins, consent: rng.Float64() < 0.78,
		// A long tail: most come a few times a year, some every week.
		gap:    math.Min(240, 4+38*math.Exp(rng.NormFloat64()*0.75)),
		fades:  0.03 + 0.22*rng.Float64(),
		basket: math.Exp(rng.NormFloat64() * 0.4),
		taste:  weighted(rng),
		active: true,
	}
	p.email = fmt.Sprintf("%s.%s.%d@example.test", plain(p.first), plain(p.last), n)
	if rng.Float64() < 0.7 {
		p.birthday = fmt.Sprintf("--%02d-%02d", 1+rng.IntN(12), 1+rng.IntN(28))
	}
	return p
}

func pickCountry(rng *rand.Rand) country {
	at := rng.IntN(100)
	for _, c := range countries {
		if at -= c.share; at < 0 {
			return c
		}
	}
	return countries[0]
}

// plain is a name as an address has it: letters a to z.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToLower(r); r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, norm.NFD.String(name))
}

func weighted(rng *rand.Rand) int {
	total := 0
	for _, p := range shelf {
		total += p.popular
	}
	at := rng.IntN(total)
	for i, p := range shelf {
		if at -= p.popular; at < 0 {
			return i
		}
	}
	return 0
}

// plan sets the next order after t: an exponential gap, shorter in Advent and
// longer in July, at an hour when people shop.
func (p *person) plan(rng *rand.Rand, t time.Time) {
	days := rng.ExpFloat64() * p.gap / season(t.Month())
	p.next = shoppingHour(rng, t.Add(time.Duration(days*24*float64(time.Hour))), p.home)
	if !p.next.After(t) {
		p.next = t.Add(time.Duration(1+rng.IntN(120)) * time.Minute)
	}
}

// season is how busy a month is; 1 is an ordinary one.
func season(m time.Month) float64 {
	switch m {
	case time.December:
		return 1.6
	case time.November:
		return 1.25
	case time.July:
		return 0.7
	case time.January:
		return 0.8
	}
	return 1
}

func shoppingHour(rng *rand.Rand, t time.Time, home country) time.Time {
	zone, err := time.LoadLocation(home.zone)
	if err != nil {
		zone = time.UTC
	}
	hour := 9 + (rng.IntN(12)+rng.IntN(12))/2 // busiest in the middle of the day
	return loyalty.Wall(loyalty.DayOf(t, zone), hour, rng.IntN(60), zone).UTC()
}

// member is what the shop tells us about the person.
func (p *person) member() loyalty.Member {
	return loyalty.Member{ID: p.id}
}

// profile is what the shop tells us once the person has left an address.
func (p *person) profile(joined bool, at time.Time) loyalty.Member {
	return loyalty.Member{
		ID: p.id, Email: p.email, FirstName: p.first, LastName: p.last, ReferredBy: p.broughtBy,
		Language: p.home.language, Country: p.home.code, TimeZone: p.home.zone, Birthday: p.birthday,
		Joined: &joined, JoinedAt: loyalty.At(at),
		Consent:       map[string]bool{loyalty.Offers: p.consent, loyalty.Newsletter: p.consent, loyalty.Program: true},
		ConsentSource: "joined at the counter", ConsentAt: loyalty.At(at),
	}
}
