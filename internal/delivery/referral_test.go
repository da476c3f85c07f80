package delivery_test

import (
	"context"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// Each letter shows the code and the link of its own member, made when the first letter
// needs them, and the link is not noted as a click of the member who hands it on.
func TestALetterShowsItsMembersReferralCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, func(files map[string]string) {
			files["program.yaml"] += "tracking: {clicks: true}\n"
			files["loyalty.yaml"] = "referral: {friend: gift, referrer: gift}\n"
			text := "---\nsubject: Bring a friend, {{ referral.code }}\n---\n\nSay {{ referral.code }}, or give them [your link]({{ referral.link }}).\n"
			files["campaigns/letter/1-letter.en.md"], files["campaigns/letter/1-letter.fi.md"] = text, text
		})
		members := s.members(3)
		d := s.sender()
		codes := func() map[int64]string {
			var all map[int64]string
			s.view(func(tx *store.Tx) (err error) { all, err = coupon.KnownReferralCodes(tx, members); return err })
			return all
		}
		s.single("hello", members[0])
		if _, err := d.Singles(context.Background(), delivery.Urgent, 10); err != nil {
			t.Fatal(err)
		}
		if made := codes(); len(made) != 0 {
			t.Errorf("a letter without them makes the codes %v", made)
		}
		s.run("letter", members, 2)
		s.work(d)
		made := codes()
		for _, member := range members {
			to := s.word("select email from members where id = @id", store.Args{"id": member})
			body, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s.wire.bodies[to])))
			if err != nil {
				t.Fatal(err)
			}
			if link := "/join?ref=" + made[member]; made[member] == "" || !strings.Contains(string(body), "Bring a friend, "+made[member]) || strings.Count(string(body), link) != 2 ||
				strings.Contains(string(body), "join%3Fref") {
				t.Errorf("the letter to %s, whose code is %q:\n%s", to, made[member], body)
			}
		}
	})
}
