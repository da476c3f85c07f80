package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// withLoyalty gives the shop of the tests points and tiers, and a letter about them.
func withLoyalty(files map[string]string) {
	files["loyalty.yaml"] = "points: {earn: [1 per 1.00], worth: 0.01, called: {en: beans, fi: papua}}\n" +
		"tiers:\n  silver: {when: spent >= 100.00, keep: 12m}\n  gold: {when: spent >= 500.00, keep: 12m, grace: 1m, called: {en: Gold Club}}\n"
	body := "{{ points.balance }} {{ points.called }} worth {{ points.worth }}, {{ points.pending }} to come" +
		" as of {{ points.as_of | date }}{{ if points.expiring }}, {{ points.expiring }} until {{ points.expire_on | date }}{{ end }}. " +
		"{{ if tier.name }}You are {{ tier.name }} until {{ tier.until | date }}.{{ end }}" +
		"{{ if tier.next }} {{ tier.missing }} to {{ tier.next }}.{{ end }}\n"
	files["campaigns/letter/1-letter.en.md"] = "---\nsubject: Your month\n---\n" + body
	files["campaigns/letter/1-letter.fi.md"] = "---\nsubject: Kuukautesi\n---\n" + body
}

func TestMailsShowPointsAndTiers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, withLoyalty)
		members := s.members(4)
		day := int64(loyalty.DayOf(storetest.Start, s.program.Zone))
		for i, m := range members {
			s.exec("delete from facts where member_id = @m", store.Args{"m": m})
			s.exec(`insert into facts (member_id, joined, country, language, orders, order_days, spent, quantity, points, points_pending, tier, consent_offers, consent_newsletter, consent_program)
				values (@m, true, '', '', 0, 0, @spent, 0, @points, 20, '', true, true, true)`, store.Args{"m": m, "spent": []int64{4000, 25050, 60000, 0}[i], "points": []int64{40, 250, 600, -10}[i]})
		}
		s.exec("update members set language = 'fi' where id = @m", store.Args{"m": members[1]})
		stay := func(member int64, tier string) {
			s.exec("insert into member_tiers (member_id, tier, since_day, since_at, last_day, version_id) values (@m, @tier, @day, @at, @last, 1)",
				store.Args{"m": member, "tier": tier, "day": day - 3, "at": loyalty.At(storetest.Start), "last": day + 300})
		}
		stay(members[1], "silver")
		stay(members[2], "gold")
		for i, last := range []int64{day + 40, day + 5, day - 1} {
			s.exec("insert into lots (credit_id, member_id, wallet, opens_day, last_day, remains) values (@id, @m, 'points', 1, @last, @n)",
				store.Args{"id": i + 1, "m": members[0], "last": last, "n": 10 * (i + 1)})
		}
		s.run("letter", members, 10)
		s.work(s.sender())
		for i, want := range []string{
			"40 beans worth €0.40, 20 to come as of 3 March 2027, 20 until 8 March 2027. €60.00 to silver.",
			"250 papua worth 2,50 €, 20 to come as of 3. maaliskuuta 2027. You are silver until 28. joulukuuta 2027. 249,50 € to Gold Club.",
			"600 beans worth €6.00, 20 to come as of 3 March 2027. You are Gold Club until 28 January 2028.",
			"−10 beans worth €0.00, 20 to come as of 3 March 2027. €100.00 to silver.",
		} {
			body := s.wire.bodies[fmt.Sprintf("m%d@example.test", i)]
			if plain := unfolded(body); !strings.Contains(plain, want) {
				t.Errorf("the mail to member %d has no %q:\n%s", i, want, plain)
			}
		}
	})
}

// What a preview makes up is in the program's own words, whether it is in force or a draft.
func TestAPreviewIsInTheProgramsOwnWords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, func(files map[string]string) {
			withLoyalty(files)
			files["pools.yaml"] += "free-coffee: {kind: generated, pattern: FREE-####-####, perk: a coffee, checkout: asks_us}\n"
			files["loyalty.yaml"] += "cards:\n  tea: {stamp: order, of: 6, gives: free-coffee}\nrewards:\n  cortado: {price: 250, gives: free-coffee}\n  feast: {price: 900, gives: free-coffee}\n"
			files["campaigns/letter/1-letter.en.md"] += "\n{{ card \"tea\" }}\n\n{{ range rewards }}\n- {{ .name }} {{ .price }} {{ if .affordable }}now{{ else }}{{ .missing }} to go{{ end }}\n{{ end }}\n\n{{ statement \"1m\" }}\n"
		})
		for language, wants := range map[string][]string{
			"en": {"440 beans worth €4.40, 49 to come", "You are silver until", "to Gold Club.", "3 of 6 stamps, 3 to go", "cortado 250 now", "feast 900 460 to go", "Beans", "Reward: cortado", "−250"},
			"fi": {"440 papua worth 4,40", "to Gold Club."},
		} {
			shown, err := s.sender().Preview(t.Context(), delivery.Example{Campaign: "letter", Language: language})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range wants {
				if !strings.Contains(shown.Text, want) {
					t.Errorf("the preview in %s has no %q:\n%s", language, want, shown.Text)
				}
			}
			if strings.Contains(shown.Text, "oints") || strings.Contains(shown.Text, "latte") {
				t.Errorf("the preview in %s has words that are not the program's:\n%s", language, shown.Text)
			}
		}
	})
}

// A tier that asks for several figures says all that is missing, in the mail's language.
func TestMailsSayAllThatIsMissingForATier(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, func(files map[string]string) {
			withLoyalty(files)
			files["loyalty.yaml"] = "points: {earn: [1 per 1.00], worth: 0.01, called: {en: beans, fi: papua}}\n" +
				"tiers:\n  silver: {when: spent >= 100.00, keep: 12m}\n  gold: {when: spent >= 600.00 and orders >= 4, keep: 12m}\n"
		})
		members := s.members(3)
		for i, m := range members {
			s.exec("delete from facts where member_id = @m", store.Args{"m": m})
			s.exec(`insert into facts (member_id, joined, country, language, orders, order_days, spent, quantity, points, points_pending, tier, consent_offers, consent_newsletter, consent_program)
				values (@m, true, '', '', @orders, 0, @spent, 0, 0, 0, '', true, true, true)`, store.Args{"m": m, "spent": []int64{4000, 25050, 70000}[i], "orders": []int64{1, 3, 1}[i]})
			if i > 0 {
				s.exec("insert into member_tiers (member_id, tier, since_day, since_at, version_id) values (@m, 'silver', 1, @at, 1)", store.Args{"m": m, "at": loyalty.At(storetest.Start)})
			}
		}
		s.exec("update members set language = 'fi' where id = @m", store.Args{"m": members[1]})
		s.run("letter", members, 10)
		s.work(s.sender())
		for i, want := range []string{"€60.00 to silver.", "349,50 € + 1 tilaus to gold.", "3 orders to gold."} {
			body := s.wire.bodies[fmt.Sprintf("m%d@example.test", i)]
			if plain := unfolded(body); !strings.Contains(plain, want) {
				t.Errorf("the mail to member %d has no %q:\n%s", i, want, plain)
			}
		}
	})
}

// A member's rewards are those of which nothing but points is missing: not what is for
// other tiers, what is sold out, or what they have claimed as often as they may. What
// others still need of such a one is said.
func TestMailsShowCardsRewardsAndStatements(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, func(files map[string]string) {
			files["pools.yaml"] += "free-coffee: {kind: generated, pattern: FREE-####-####, perk: a coffee, checkout: asks_us}\nprinted: {kind: imported, perk: a book}\n"
			files["loyalty.yaml"] = "points: {earn: [1 per 1.00]}\ntiers:\n  silver: {when: spent >= 100.00, keep: 12m}\n" +
				"cards:\n  coffee: {stamp: order, of: 10, gives: free-coffee}\n  tea: {stamp: order, of: 5, gives: free-coffee}\n" +
				"rewards:\n  latte: {price: 300, gives: free-coffee}\n  euros: {price: 100, amount: 1.00}\n  party: {price: 1, gives: free-coffee, tiers: [silver]}\n" +
				"  gone: {price: 1, gives: printed}\n  again: {price: 50, gives: free-coffee, at_most: 1 per 30d}\n"
			body := "{{ points.called }}: {{ card \"coffee\" }}; {{ (card \"tea\").missing }} of {{ (card \"tea\").of }}; {{ range rewards }}{{ .name }} {{ .price }} {{ if .affordable }}now{{ else }}{{ .missing }}{{ end }}, {{ end }}earned {{ points.earned \"28d\" }} and {{ points.earned \"1m\" }} of {{ points.earned \"1y\" }}\n"
			files["campaigns/letter/1-letter.en.md"] = "---\nsubject: Your month\n---\n" + body + "\n{{ statement \"1m\" }}\n"
			files["campaigns/letter/1-letter.fi.md"] = "---\nsubject: Kuukautesi\n---\n" + body + "{{ range statement \"1y\" }}{{ .day | date \"short\" }} {{ .points }} {{ .reason }}. {{ end }}\n"
		})
		members := s.members(3)
		today := int64(loyalty.DayOf(storetest.Start, s.program.Zone))
		s.exec("update members set language = 'fi' where id = @m", store.Args{"m": members[1]})
		for i, points := range []int64{250, 400, 0} {
			s.exec("update facts set points = @points where member_id = @m", store.Args{"m": members[i], "points": points})
		}
		n := 0
		book := func(member int, wallet string, ago int64, kind string, amount int64, cause, reason string) {
			n++
			s.exec("insert into entries (id, member_id, wallet, at, day, kind, amount, cause, version_id, reason, claim_id) values (@id, @m, @wallet, @at, @day, @kind, @n, @cause, 1, @reason, @claim)",
				store.Args{"id": n, "m": members[member], "wallet": wallet, "at": loyalty.At(storetest.Start), "day": today - ago, "kind": kind, "n": amount, "cause": cause, "reason": reason,
					"claim": map[bool]any{true: 1}[kind == "redeem" && wallet == "points"]})
		}
		s.exec("insert into claims (id, member_id, reward, price, state, source, key, body, at, day) values (1, @m, 'latte', 300, 'done', 'till', '1', @body, @at, @day)",
			store.Args{"m": members[0], "body": []byte{1}, "at": loyalty.At(storetest.Start), "day": today})
		s.exec("insert into claims (id, member_id, reward, price, state, source, key, body, at, day) values (2, @m, 'again', 50, 'done', 'till', '2', @body, @at, @day)",
			store.Args{"m": members[0], "body": []byte{1}, "at": loyalty.At(storetest.Start), "day": today - 29})
		for member := range 2 {
			book(member, "points", 300, "adjust", 100, "import", "brought from elsewhere")
			book(member, "points", 29, "bonus", 1, "joined", "") // a day too long ago
			book(member, "points", 28, "bonus", 50, "birthday:2026", "")
			book(member, "points", 27, "bonus", 40, "referral:1", "")
			book(member, "points", 26, "takeback", -10, "referral:2", "")
			book(member, "points", 0, "redeem", -300, "claim:1", "")
			book(member, "points", 0, "adjust", 5, "hand:1", "for the long wait <sorry>")
		}
		book(0, "coffee", 5, "earn", 9, "order:1:1", "")
		book(0, "coffee", 2, "earn", -2, "order:1:2", "")
		book(0, "tea", 2, "earn", 4, "order:1:1", "")
		s.exec("insert into lots (credit_id, member_id, wallet, opens_day, last_day, remains) values (@id, @m, 'tea', @day, @day, 3)", store.Args{"id": n, "m": members[0], "day": today - 1})
		book(1, "coffee", 2, "earn", 10, "order:1:1", "")
		s.run("letter", members, 10)
		s.work(s.sender())
		for i, want := range []string{
			"points: 7 of 10 stamps, 3 to go; 4 of 5; latte 300 50, euros 100 now, earned 30 and 30 of 81 Day What for Points 3 March 2027 for the long wait <sorry> +5 3 March 2027 Reward: latte −300 5 February 2027 Your friend's order was returned −10 4 February 2027 Your friend's first order +40 3 February 2027 Your birthday +50 ---",
			"pistettä: kaikki 10 leimaa: kortti on täynnä; 5 of 5; latte 300 now, euros 100 now, again 50 now, earned 30 and 30 of 81 3. maaliskuuta +5 for the long wait <sorry>. 3. maaliskuuta −300 Palkinto: latte. 5. helmikuuta −10 Ystäväsi tilaus palautettiin. 4. helmikuuta +40 Ystäväsi ensimmäinen tilaus. 3. helmikuuta +50 Syntymäpäiväsi. 2. helmikuuta +1 Tervetuloa jäseneksi. 7. toukokuuta +100 Siirretty aiemmasta ohjelmasta.",
			"points: 0 of 10 stamps, 10 to go; 5 of 5; latte 300 300, euros 100 100, again 50 50, earned 0 and 0 of 0 Nothing was added or used in this time.",
		} {
			body := s.wire.bodies[fmt.Sprintf("m%d@example.test", i)]
			if plain := unfolded(body); !strings.Contains(plain, want) {
				t.Errorf("the mail to member %d has no %q:\n%s", i, want, plain)
			}
		}
	})
}

// unfolded is a message without the breaks and codes of quoted-printable.
func unfolded(body string) string {
	body = strings.NewReplacer("=\r\n", "", "=\n", "").Replace(body)
	body = strings.NewReplacer("=E2=82=AC", "€", "=C2=A0", " ", "=E2=88=92", "−", "=C3=A4", "ä").Replace(body)
	return strings.Join(strings.Fields(body), " ")
}
