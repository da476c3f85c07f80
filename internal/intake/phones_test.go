package intake_test

import (
	"testing"

	"regulars/internal/importer"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestAPhoneIsOneNumberHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", nil) // a shop in UTC: no country
		d.Stored(event(loyalty.MemberJoined, "e0", 0, loyalty.Member{ID: "OLD", Phone: "040 555 0202"}))
		d.programIn("Europe/Helsinki", "", nil)
		d.Stored(event(loyalty.MemberJoined, "e1", 0, loyalty.Member{ID: "M-1", Email: "ida@example.test", Phone: "+358 40 555 0101"}))
		d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", "member,phone\nF-1,(040) 555-0303\n")})
		for i, tt := range []struct{ written, whose string }{
			{"00358 40 555 0101", "M-1"}, {"040 555 0101", "M-1"}, {"'+358405550101", "M-1"}, {"+358 (0)40 5550101", "M-1"},
			{"+358 40 555 0202", "OLD"}, {"0405550202", "OLD"}, {"+358405550303", "F-1"},
		} {
			id := string(rune('a' + i))
			r := d.Stored(event(loyalty.Visit, id, 1+i, loyalty.Member{Phone: tt.written}))
			if got := d.One("select m.external_id from events e join members m on m.id = e.member_id where e.external_id = '" + id + "'"); got != tt.whose {
				t.Errorf("%s is %s's (member %d), want %s's", tt.written, got, r[0].Member, tt.whose)
			}
		}
		if got := d.Rows("select distinct phone from members order by 1"); len(got) != 3 || got[0] != "+358405550101" {
			t.Errorf("phones = %q, want three in E.164", got)
		}
	})
}
