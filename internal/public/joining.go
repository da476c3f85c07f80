package public

import "fmt"

// joining are the words of the page on which somebody confirms that they join.
// %s is the shop's name, which no sentence bends.
type joining struct{ title, ask, button, done, joined string }

// joiningIn returns the words of a language that wordsFor knows.
func joiningIn(lang string) joining {
	switch lang {
	case "fi":
		return joining{"Vahvista liittymisesi", "Haluatko liittyä jäseneksemme: %s?", "Kyllä, haluan liittyä", "Tervetuloa!", "Olet nyt jäsenemme: %s."}
	case "el":
		return joining{"Επιβεβαιώστε την εγγραφή σας", "Θέλετε να γίνετε μέλος μας: %s;", "Ναι, θέλω να γίνω μέλος", "Καλώς ήρθατε!", "Είστε πλέον μέλος μας: %s."}
	case "mk":
		return joining{"Потврдете дека станувате член", "Сакате ли да станете наш член: %s?", "Да, сакам да станам член", "Добре дојдовте!", "Сега сте наш член: %s."}
	case "nl":
		return joining{"Bevestig dat je lid wordt", "Wil je lid worden van %s?", "Ja, ik wil lid worden", "Welkom!", "Je bent nu lid van %s."}
	case "zh-Hant":
		return joining{"請確認加入會員", "您要加入 %s 嗎？", "是的，我要加入", "歡迎加入！", "您現在是 %s 的會員了。"}
	}
	return joining{"Please confirm that you join", "Do you want to join %s?", "Yes, I want to join", "Welcome!", "You are now a member of %s."}
}

// joiningView is the page before the button is pressed, and after.
func joiningView(shop shop, in words, done bool) confirmView {
	j := joiningIn(in.Lang)
	view := confirmView{frame: shop.frame(in, j.title), In: in, Question: fmt.Sprintf(j.ask, shop.name), Button: j.button}
	if done {
		view.Title, view.Done = j.done, fmt.Sprintf(j.joined, shop.name)
	}
	return view
}
