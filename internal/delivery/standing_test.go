package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// withLoyalty gives the shop of the tests points and tiers, and a letter about them.
func withLoyalty(files map[string]string) {
	files["loyalty.yaml"] = "points: {earn: [1 per 1.00], worth: 0.01, called: {en: beans, fi: papua}}\n" +
		"tiers:\n  silver: {when: spent >= 100.00, keep: 12m}\n  gold: {when: spent >= 500.00, keep: 12m, called: {en: Gold Club}}\n"
	body := "{{ points.balance }} {{ points.called }} worth {{ points.worth }}, {{ points.pending }} to come" +
		"{{ if points.expiring }}, {{ points.expiring }} until {{ points.expire_on | date }}{{ end }}. " +
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
			"40 beans worth €0.40, 20 to come, 20 until 8 March 2027. €60.00 to silver.",
			"250 papua worth 2,50 €, 20 to come. You are silver until 28. joulukuuta 2027. 249,50 € to Gold Club.",
			"600 beans worth €6.00, 20 to come. You are Gold Club until 28 December 2027.",
			"−10 beans worth €0.00, 20 to come. €100.00 to silver.",
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
	body = strings.NewReplacer("=\r\n", "", "=\n", "", "=E2=82=AC", "€", "=C2=A0", " ", "=E2=88=92", "−").Replace(body)
	return strings.Join(strings.Fields(body), " ")
}
