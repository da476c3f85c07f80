package public

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/templates"
)

// words are what our pages say to a member, in one of the languages of the
// library. %s is the shop's name, a topic, a date or an amount, as the sentence
// shows; no sentence bends it, for we do not know how it is inflected.
type words struct {
	Lang string // BCP 47, of the page

	Mails, Choose, Save, None, Saved, Gone string // preferences
	Offers, Newsletter, Program            string // topics that the shop has not named
	Own, Points, Codes, Until, NoCodes     string // the member's own page
	Minimum, Shipping, Choices             string
	Ask, Wanted, Yes, Done, Confirmed      string // double opt-in
	Bad, BadWhy, Lost, LostWhy, Sorry, Why string // what went wrong
	Test, TestWhy                          string // the link of a test mail
	Date                                   string // a layout of package time
	Thousands, Decimal                     string // the marks of numbers; thousands from five digits on
	Money                                  string // S the currency, N the number
}

// languages are those that wordsFor knows, in its order.
func languages() []string { return []string{"en", "fi", "el", "mk", "nl", "zh-Hant"} }

// wordsFor returns the words of the first language wanted that we have, English
// when there is none.
func wordsFor(wanted ...string) words {
	all := []func() words{english, finnish, greek, macedonian, dutch, chinese}
	for _, lang := range wanted {
		if i := templates.Best(languages(), lang); i >= 0 {
			return all[i]()
		}
	}
	return english()
}

func english() words {
	return words{
		Lang: "en", Mails: "Mails from %s", Choose: "Choose what you want to receive. You can change your mind at any time.",
		Save: "Save", None: "Unsubscribe from everything", Saved: "Saved. This is in effect now.",
		Gone:   "You are unsubscribed from everything. This is in effect now.",
		Offers: "Offers", Newsletter: "Newsletter", Program: "My membership",
		Own: "My page", Points: "Points", Codes: "My codes", Until: "valid until %s", NoCodes: "You have no codes at the moment.",
		Minimum: "on orders from %s", Shipping: "Free shipping", Choices: "Choose which mails you get",
		Ask: "Confirm your subscription", Wanted: "Do you want to receive this: %s?", Yes: "Yes, I want this",
		Done: "Thank you!", Confirmed: "Your subscription is confirmed: %s.",
		Bad: "This link does not work", BadWhy: "Perhaps the mail program cut it in two: copy it whole from the mail, or open the mail again.",
		Lost: "There is no such page", LostWhy: "Perhaps the address was mistyped.",
		Sorry: "Something went wrong", Why: "It is not your fault, and nothing was changed. Please try again in a moment.",
		Test: "This link works", TestWhy: "It stands in a test mail. In a member's own mail it opens their page; here nothing was changed.",
		Date: "2 January 2006", Thousands: ",", Decimal: ".", Money: "SN",
	}
}

func finnish() words {
	return words{
		Lang: "fi", Mails: "Sähköpostit: %s", Choose: "Valitse, mitä haluat saada. Voit muuttaa mieltäsi milloin tahansa.",
		Save: "Tallenna", None: "Peru kaikki tilaukset", Saved: "Tallennettu. Muutos on jo voimassa.",
		Gone:   "Kaikki tilauksesi on peruttu. Muutos on jo voimassa.",
		Offers: "Tarjoukset", Newsletter: "Uutiskirje", Program: "Jäsenyyteni",
		Own: "Oma sivuni", Points: "Pisteet", Codes: "Koodini", Until: "voimassa %s asti", NoCodes: "Sinulla ei ole koodeja juuri nyt.",
		Minimum: "vähimmäisostos %s", Shipping: "Ilmainen toimitus", Choices: "Valitse, mitä viestejä saat",
		Ask: "Vahvista tilauksesi", Wanted: "Haluatko saada tämän: %s?", Yes: "Kyllä, haluan",
		Done: "Kiitos!", Confirmed: "Tilauksesi on vahvistettu: %s.",
		Bad: "Tämä linkki ei toimi", BadWhy: "Ehkä sähköpostiohjelma katkaisi sen: kopioi linkki viestistä kokonaan tai avaa viesti uudelleen.",
		Lost: "Sivua ei löydy", LostWhy: "Ehkä osoitteessa on kirjoitusvirhe.",
		Sorry: "Jokin meni vikaan", Why: "Vika ei ole sinun, eikä mitään muutettu. Yritä hetken kuluttua uudelleen.",
		Test: "Tämä linkki toimii", TestWhy: "Se on testiviestissä. Jäsenen omassa viestissä se avaa hänen sivunsa; tässä mitään ei muutettu.",
		Date: "2.1.2006", Thousands: nbsp, Decimal: ",", Money: "N S",
	}
}

func greek() words {
	return words{
		Lang: "el", Mails: "Μηνύματα: %s", Choose: "Επιλέξτε τι θέλετε να λαμβάνετε. Μπορείτε να αλλάξετε γνώμη οποτεδήποτε.",
		Save: "Αποθήκευση", None: "Διαγραφή από όλα", Saved: "Αποθηκεύτηκε. Ισχύει ήδη.",
		Gone:   "Έγινε η διαγραφή σας από όλα. Ισχύει ήδη.",
		Offers: "Προσφορές", Newsletter: "Ενημερωτικό δελτίο", Program: "Η συμμετοχή μου",
		Own: "Η σελίδα μου", Points: "Πόντοι", Codes: "Οι κωδικοί μου", Until: "ισχύει έως %s", NoCodes: "Δεν έχετε κωδικούς αυτή τη στιγμή.",
		Minimum: "για αγορές από %s", Shipping: "Δωρεάν αποστολή", Choices: "Επιλέξτε ποια μηνύματα λαμβάνετε",
		Ask: "Επιβεβαιώστε την εγγραφή σας", Wanted: "Θέλετε να λαμβάνετε: %s;", Yes: "Ναι, θέλω",
		Done: "Ευχαριστούμε!", Confirmed: "Η εγγραφή σας επιβεβαιώθηκε: %s.",
		Bad: "Αυτός ο σύνδεσμος δεν λειτουργεί", BadWhy: "Ίσως το πρόγραμμα αλληλογραφίας τον έκοψε στα δύο: αντιγράψτε τον ολόκληρο από το μήνυμα ή ανοίξτε ξανά το μήνυμα.",
		Lost: "Η σελίδα δεν βρέθηκε", LostWhy: "Ίσως η διεύθυνση γράφτηκε λάθος.",
		Sorry: "Κάτι πήγε στραβά", Why: "Δεν φταίτε εσείς και τίποτα δεν άλλαξε. Δοκιμάστε ξανά σε λίγο.",
		Test: "Αυτός ο σύνδεσμος λειτουργεί", TestWhy: "Βρίσκεται σε δοκιμαστικό μήνυμα. Στο μήνυμα ενός μέλους ανοίγει τη σελίδα του· εδώ τίποτα δεν άλλαξε.",
		Date: "2/1/2006", Thousands: ".", Decimal: ",", Money: "N S",
	}
}

func macedonian() words {
	return words{
		Lang: "mk", Mails: "Пораки: %s", Choose: "Изберете што сакате да добивате. Можете да се предомислите во секое време.",
		Save: "Зачувај", None: "Одјави ме од сè", Saved: "Зачувано. Веќе важи.",
		Gone:   "Одјавени сте од сè. Веќе важи.",
		Offers: "Понуди", Newsletter: "Билтен", Program: "Моето членство",
		Own: "Мојата страница", Points: "Поени", Codes: "Моите кодови", Until: "важи до %s", NoCodes: "Во моментов немате кодови.",
		Minimum: "за нарачки од %s", Shipping: "Бесплатна достава", Choices: "Изберете кои пораки ги добивате",
		Ask: "Потврдете ја пријавата", Wanted: "Дали сакате да добивате: %s?", Yes: "Да, сакам",
		Done: "Ви благодариме!", Confirmed: "Вашата пријава е потврдена: %s.",
		Bad: "Оваа врска не работи", BadWhy: "Можеби програмата за пошта ја пресекла: копирајте ја целата од пораката или отворете ја пораката повторно.",
		Lost: "Нема таква страница", LostWhy: "Можеби адресата е погрешно напишана.",
		Sorry: "Нешто тргна наопаку", Why: "Не е ваша вина и ништо не е сменето. Обидете се повторно за момент.",
		Test: "Оваа врска работи", TestWhy: "Се наоѓа во пробна порака. Во пораката на член ја отвора неговата страница; тука ништо не е сменето.",
		Date: "2.1.2006", Thousands: ".", Decimal: ",", Money: "N S",
	}
}

func dutch() words {
	return words{
		Lang: "nl", Mails: "Mails van %s", Choose: "Kies wat je wilt ontvangen. Je kunt dit altijd weer veranderen.",
		Save: "Opslaan", None: "Van alles uitschrijven", Saved: "Opgeslagen. Het geldt vanaf nu.",
		Gone:   "Je bent van alles uitgeschreven. Het geldt vanaf nu.",
		Offers: "Aanbiedingen", Newsletter: "Nieuwsbrief", Program: "Mijn lidmaatschap",
		Own: "Mijn pagina", Points: "Punten", Codes: "Mijn codes", Until: "geldig tot en met %s", NoCodes: "Je hebt op dit moment geen codes.",
		Minimum: "bij bestellingen vanaf %s", Shipping: "Gratis verzending", Choices: "Kies welke mails je ontvangt",
		Ask: "Bevestig je aanmelding", Wanted: "Wil je dit ontvangen: %s?", Yes: "Ja, graag",
		Done: "Bedankt!", Confirmed: "Je aanmelding is bevestigd: %s.",
		Bad: "Deze link werkt niet", BadWhy: "Misschien heeft het mailprogramma de link afgebroken: kopieer hem helemaal uit de mail of open de mail opnieuw.",
		Lost: "Deze pagina bestaat niet", LostWhy: "Misschien staat er een typefout in het adres.",
		Sorry: "Er ging iets mis", Why: "Het ligt niet aan jou en er is niets veranderd. Probeer het zo nog eens.",
		Test: "Deze link werkt", TestWhy: "Hij staat in een testmail. In de mail van een lid opent hij diens pagina; hier is niets veranderd.",
		Date: "2-1-2006", Thousands: ".", Decimal: ",", Money: "S N",
	}
}

func chinese() words {
	return words{
		Lang: "zh-Hant", Mails: "來自 %s 的郵件", Choose: "請選擇您想收到的內容，您隨時可以更改。",
		Save: "儲存", None: "取消所有訂閱", Saved: "已儲存，立即生效。",
		Gone:   "您已取消所有訂閱，立即生效。",
		Offers: "優惠活動", Newsletter: "電子報", Program: "我的會員資訊",
		Own: "我的頁面", Points: "點數", Codes: "我的優惠碼", Until: "有效至 %s", NoCodes: "您目前沒有可用的優惠碼。",
		Minimum: "單筆消費滿 %s", Shipping: "免運費", Choices: "選擇想收到的郵件",
		Ask: "確認訂閱", Wanted: "您要收到以下內容嗎：%s？", Yes: "是的，我要收到",
		Done: "謝謝！", Confirmed: "您的訂閱已確認：%s。",
		Bad: "此連結無效", BadWhy: "連結可能被郵件程式截斷：請從郵件中複製完整連結，或重新開啟郵件。",
		Lost: "找不到此頁面", LostWhy: "網址可能輸入錯誤。",
		Sorry: "發生問題", Why: "這不是您的錯，也沒有任何變更。請稍後再試一次。",
		Test: "此連結可正常使用", TestWhy: "此連結位於測試郵件中。在會員收到的郵件裡，它會開啟會員的頁面；這裡沒有任何變更。",
		Date: "2006年1月2日", Thousands: ",", Decimal: ".", Money: "SN",
	}
}

const nbsp = "\u00a0"

// topic is what a topic is called: by the shop in the page's language, by us, or
// by the shop in any language at all.
func (w words) topic(names map[string]map[string]string, topic string) string {
	var have []string
	for lang := range names[topic] {
		have = append(have, lang)
	}
	if i := templates.Best(have, w.Lang); i >= 0 {
		return names[topic][have[i]]
	}
	switch topic {
	case loyalty.Offers:
		return w.Offers
	case loyalty.Newsletter:
		return w.Newsletter
	default:
		return w.Program
	}
}

// day writes a day of the shop.
func (w words) day(d loyalty.Day) string { return time.Unix(int64(d)*86400, 0).UTC().Format(w.Date) }

// money writes an amount in minor units: €5.00, 5,00 €.
func (w words) money(minor int64, currency string) string {
	symbol, known := map[string]string{"EUR": "€", "GBP": "£", "USD": "$"}[currency]
	layout := w.Money
	if !known {
		symbol, layout = currency, "N S"
	}
	whole, fraction, has := strings.Cut(loyalty.FormatMoney(minor, currency), ".")
	digits, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return whole // FormatMoney writes digits
	}
	amount := w.number(digits)
	if has {
		amount += w.Decimal + fraction
	}
	return strings.NewReplacer("S", symbol, "N", amount, " ", nbsp).Replace(layout)
}

// number writes a count; thousands are marked from five digits on.
func (w words) number(n int64) string {
	digits := fmt.Sprint(n)
	if len(strings.TrimPrefix(digits, "-")) < 5 {
		return digits
	}
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + w.Thousands + digits[i:]
	}
	return digits
}
