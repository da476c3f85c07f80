package templates

// ConfirmMail is the name of the double opt-in's mail, and of the campaign that
// sends it.
const ConfirmMail = "confirm"

// Confirm returns the mail that asks somebody whether they want to join, in the
// words of a BCP 47 language, in English for those not here. It shows nothing
// that the asker typed: whoever puts a link in as a name must not be able to
// have it sent to strangers.
func Confirm(language string) (*Mail, []Problem) {
	source := askEnglish
	switch Best([]string{"en", "fi", "el", "mk", "nl", "zh-Hant"}, language) {
	case 1:
		source = askFinnish
	case 2:
		source = askGreek
	case 3:
		source = askMacedonian
	case 4:
		source = askDutch
	case 5:
		source = askChinese
	}
	return ParseMail(ConfirmMail+"."+language+".md", []byte(source), Fields{Service: true, Stranger: true})
}

const askEnglish = `---
subject: Please confirm that you want to join {{ shop.name }}
preheader: One click, and you are a member.
---
# One click, and you are a member

Somebody, probably you, has asked to join {{ shop.name }} with this e-mail address. Please confirm that it was you:

[Yes, I want to join]({{ links.confirm }})

If it was not you, you need not do anything. Without your yes you are not a member, and we add this address to no list.
`

const askFinnish = `---
subject: Vahvista liittymisesi: {{ shop.name }}
preheader: Yksi napsautus, ja olet jäsen.
---
# Yksi napsautus, ja olet jäsen

Joku, luultavasti sinä, on pyytänyt päästä jäseneksemme ({{ shop.name }}) tällä sähköpostiosoitteella. Vahvista, että se olit sinä:

[Kyllä, haluan liittyä]({{ links.confirm }})

Jos se et ollut sinä, sinun ei tarvitse tehdä mitään. Ilman vahvistustasi et ole jäsen, emmekä lisää tätä osoitetta millekään listalle.
`

const askGreek = `---
subject: Επιβεβαιώστε την εγγραφή σας: {{ shop.name }}
preheader: Ένα κλικ και είστε μέλος.
---
# Ένα κλικ και είστε μέλος

Κάποιος, πιθανότατα εσείς, ζήτησε να γίνει μέλος μας ({{ shop.name }}) με αυτή τη διεύθυνση e-mail. Επιβεβαιώστε ότι ήσασταν εσείς:

[Ναι, θέλω να γίνω μέλος]({{ links.confirm }})

Αν δεν ήσασταν εσείς, δεν χρειάζεται να κάνετε τίποτα. Χωρίς την επιβεβαίωσή σας δεν γίνεστε μέλος και δεν προσθέτουμε τη διεύθυνση σε καμία λίστα.
`

const askMacedonian = `---
subject: Потврдете дека сакате да станете член: {{ shop.name }}
preheader: Еден клик и сте член.
---
# Еден клик и сте член

Некој, веројатно вие, побара да стане наш член ({{ shop.name }}) со оваа адреса за е-пошта. Потврдете дека тоа бевте вие:

[Да, сакам да станам член]({{ links.confirm }})

Ако не бевте вие, не треба да правите ништо. Без ваша потврда не сте член и адресата не ја додаваме на ниту една листа.
`

const askDutch = `---
subject: Bevestig dat je lid wilt worden van {{ shop.name }}
preheader: Eén klik en je bent lid.
---
# Eén klik en je bent lid

Iemand, waarschijnlijk jij, heeft met dit e-mailadres gevraagd om lid te worden van {{ shop.name }}. Bevestig dat jij het was:

[Ja, ik wil lid worden]({{ links.confirm }})

Was jij het niet? Dan hoef je niets te doen. Zonder jouw bevestiging ben je geen lid en zetten we dit adres op geen enkele lijst.
`

const askChinese = `---
subject: 請確認您要加入 {{ shop.name }}
preheader: 按一下，即可成為會員。
---
# 按一下，即可成為會員

有人（應該就是您）用這個電子郵件地址申請加入 {{ shop.name }}。請確認這是您本人的申請：

[是的，我要加入]({{ links.confirm }})

如果不是您本人，無須做任何事。未經您確認，您不會成為會員，我們也不會將這個地址加入任何名單。
`
