package templates

import (
	"math"
	"strconv"
	"strings"
)

// words are the texts and habits of one language that the renderer itself needs:
// the footer, the coupon box, how money, numbers and dates are written. A library
// is not used for it: the common one puts the euro on the wrong side in Finnish.
type words struct {
	unsubscribe string
	preferences string
	footer      string // %s: the shop
	yourCode    string
	validUntil  string // %s: a date
	minimum     string // %s: an amount
	off         string // %s: an amount or a percentage
	shipping    string
	points      [2]string // one, more; %s: the number

	decimal, thousands string
	euroFirst          bool   // € 5 rather than 5 €
	euroSpace          string // between symbol and number
	percent            string // %s: the number

	months   string // as in "5 July", separated by spaces, January first
	weekdays string // Sunday first
	long     string // D day, M month, Y year, W weekday
	short    string
	weekday  string
	ordinal  string // %s: the number; "" English
}

// wordsFor returns the words of a BCP 47 language, English for those not here.
func wordsFor(lang string) words {
	switch best := Best(catalogue, lang); best {
	case 1:
		return finnish()
	case 2:
		return greek()
	case 3:
		return macedonian()
	case 4:
		return dutch()
	case 5:
		return chinese()
	case 6:
		w := english()
		w.long, w.short, w.weekday = "M D, Y", "M D", "W, M D"
		return w
	}
	return english()
}

func english() words {
	return words{
		unsubscribe: "Unsubscribe", preferences: "Choose what you get",
		footer:   "You receive this mail as a customer of %s.",
		yourCode: "Your code", validUntil: "Valid until %s", minimum: "On orders from %s",
		off: "%s off", shipping: "Free shipping", points: [2]string{"%s point", "%s points"},
		decimal: ".", thousands: ",", euroFirst: true, percent: "%s%%",
		months:   "January February March April May June July August September October November December",
		weekdays: "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
		long:     "D M Y", short: "D M", weekday: "W D M",
	}
}

func finnish() words {
	return words{
		unsubscribe: "Peru tilaus", preferences: "Valitse, mitä saat",
		footer:   "Saat tämän viestin asiakkaanamme: %s.",
		yourCode: "Koodisi", validUntil: "Voimassa %s asti", minimum: "Vähimmäisostos %s",
		off: "%s alennus", shipping: "Ilmainen toimitus", points: [2]string{"%s piste", "%s pistettä"},
		decimal: ",", thousands: nbsp, euroSpace: nbsp, percent: "%s" + nbsp + "%%",
		months:   "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
		weekdays: "sunnuntai maanantai tiistai keskiviikko torstai perjantai lauantai",
		long:     "D. M Y", short: "D. M", weekday: "W D. M", ordinal: "%s.",
	}
}

func greek() words {
	return words{
		unsubscribe: "Διαγραφή", preferences: "Επιλέξτε τι λαμβάνετε",
		footer:   "Λαμβάνετε αυτό το μήνυμα ως πελάτης μας: %s.",
		yourCode: "Ο κωδικός σας", validUntil: "Ισχύει έως %s", minimum: "Για αγορές από %s",
		off: "%s έκπτωση", shipping: "Δωρεάν αποστολή", points: [2]string{"%s πόντος", "%s πόντοι"},
		decimal: ",", thousands: ".", euroSpace: nbsp, percent: "%s%%",
		months:   "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου",
		weekdays: "Κυριακή Δευτέρα Τρίτη Τετάρτη Πέμπτη Παρασκευή Σάββατο",
		long:     "D M Y", short: "D M", weekday: "W D M", ordinal: "%sη",
	}
}

func macedonian() words {
	return words{
		unsubscribe: "Одјавете се", preferences: "Изберете што добивате",
		footer:   "Ја добивате оваа порака како наш клиент: %s.",
		yourCode: "Вашиот код", validUntil: "Важи до %s", minimum: "За нарачки од %s",
		off: "%s попуст", shipping: "Бесплатна достава", points: [2]string{"%s поен", "%s поени"},
		decimal: ",", thousands: ".", euroSpace: nbsp, percent: "%s%%",
		months:   "јануари февруари март април мај јуни јули август септември октомври ноември декември",
		weekdays: "недела понеделник вторник среда четврток петок сабота",
		long:     "D M Y", short: "D M", weekday: "W, D M", ordinal: "%s.",
	}
}

func dutch() words {
	return words{
		unsubscribe: "Uitschrijven", preferences: "Kies wat je ontvangt",
		footer:   "Je ontvangt deze mail als klant van %s.",
		yourCode: "Jouw code", validUntil: "Geldig tot en met %s", minimum: "Bij bestellingen vanaf %s",
		off: "%s korting", shipping: "Gratis verzending", points: [2]string{"%s punt", "%s punten"},
		decimal: ",", thousands: ".", euroFirst: true, euroSpace: nbsp, percent: "%s%%",
		months:   "januari februari maart april mei juni juli augustus september oktober november december",
		weekdays: "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
		long:     "D M Y", short: "D M", weekday: "W D M", ordinal: "%se",
	}
}

func chinese() words {
	return words{
		unsubscribe: "取消訂閱", preferences: "選擇想收到的內容",
		footer:   "您是 %s 的顧客，因此收到這封郵件。",
		yourCode: "您的優惠碼", validUntil: "有效至 %s", minimum: "單筆消費滿 %s",
		off: "折抵 %s", shipping: "免運費", points: [2]string{"%s 點", "%s 點"},
		decimal: ".", thousands: ",", euroFirst: true, percent: "%s%%",
		months:   "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
		weekdays: "星期日 星期一 星期二 星期三 星期四 星期五 星期六",
		long:     "Y年MD日", short: "MD日", weekday: "MD日 W", ordinal: "第 %s",
	}
}

const nbsp = "\u00a0"

// number writes a figure with the language's marks: 12,345.5. Thousands are
// marked from five digits on, so that a year stays a year.
func (w words) number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return w.marked(strconv.FormatInt(int64(v), 10))
	}
	return w.marked(strconv.FormatFloat(v, 'f', -1, 64))
}

// marked puts the language's marks into digits with a decimal point.
func (w words) marked(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "\u2212", s[1:]
	}
	whole, fraction, has := strings.Cut(s, ".")
	if len(whole) > 4 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + w.thousands + whole[i:]
		}
	}
	if has {
		whole += w.decimal + fraction
	}
	return sign + whole
}

// ordinalOf writes which one in a row: 5th, 5., 5e.
func (w words) ordinalOf(v float64) string {
	n := w.number(v)
	if w.ordinal != "" {
		return strings.Replace(w.ordinal, "%s", n, 1)
	}
	whole := int64(math.Abs(v))
	switch {
	case whole%100 >= 11 && whole%100 <= 13:
	case whole%10 == 1:
		return n + "st"
	case whole%10 == 2:
		return n + "nd"
	case whole%10 == 3:
		return n + "rd"
	}
	return n + "th"
}

// single says whether v things take the first of two forms.
func (w words) single(v float64) bool {
	if w.unsubscribe == macedonian().unsubscribe {
		return math.Mod(v, 10) == 1 && math.Mod(v, 100) != 11
	}
	return v == 1
}
