package intake_test

import (
	"context"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// topics are what stands for a member.
func (d door) topics(member string) string {
	return d.One("select coalesce((select case when t.granted then 'yes' else 'no' end from member_topics t where t.member_id = m.id and t.topic = 'offers'), '') from members m where m.external_id = '" + member + "'")
}

// refuse presses the button of a link.
func (d door) refuse(member string) {
	d.T.Helper()
	err := d.DB.Update(context.Background(), func(tx *store.Tx) error {
		id, err := intake.Find(tx, member)
		if err != nil {
			return err
		}
		_, err = consent.Unsubscribe(tx, consent.Claims{Member: id}, consent.How{Source: "one-click unsubscribe"})
		return err
	})
	if err != nil {
		d.T.Error(err)
	}
}

func TestWhoComesToAnAddressFindsItsRefusal(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		yes := map[string]bool{loyalty.Offers: true}
		family := func(id string, m loyalty.Member) loyalty.Member {
			m.ID, m.Email, m.Consent, m.ConsentSource = id, "Family@example.test", yes, "list"
			return m
		}
		d.Stored(event(loyalty.MemberChanged, "e1", -9000, family("F-1", loyalty.Member{ConsentAt: at(-9000)})))
		d.refuse("F-1")

		d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", "member,email\nF-2,family@example.test\nG-1,g@example.test\n"),
			Consent: []string{loyalty.Offers}, ConsentSource: "old list", ConsentDay: loyalty.DayOf(at(-9000).Time, time.UTC)})
		order := placed("e2", "O-1", "F-3", -5, 1000)
		order.Member = family("F-3", loyalty.Member{})
		d.Stored(order, event(loyalty.MemberJoined, "e3", -4, family("F-4", loyalty.Member{})))
		d.Stored(event(loyalty.MemberChanged, "e4", -3, loyalty.Member{ID: "F-5", Email: "own@example.test", Consent: yes, ConsentAt: at(-9000)}))
		if got := d.topics("F-5"); got != "yes" {
			t.Errorf("offers of F-5, whose address is their own: %q, want yes", got)
		}
		d.Stored(event(loyalty.MemberChanged, "e5", -2, loyalty.Member{ID: "F-5", Email: "family@example.test"}))
		for member, how := range map[string]string{"F-2": "imported", "F-3": "made by an order", "F-4": "joined", "F-5": "moved to the address"} {
			if got := d.topics(member); got != "no" {
				t.Errorf("offers of %s, %s: %q, want no", member, how, got)
			}
		}
		if got := d.topics("G-1"); got != "yes" {
			t.Errorf("offers of somebody with another address: %q, want yes", got)
		}
	})
}

func TestADayOfConsentLosesAgainstAMomentOfIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		if _, err := exec(db, "insert into settings (key, value) values ('zone', 'Europe/Helsinki') on conflict (key) do update set value = excluded.value", nil); err != nil {
			t.Fatal(err)
		}
		zone, _ := time.LoadLocation("Europe/Helsinki")
		day := loyalty.DayOf(at(-3*24*60).Time, zone)
		wall := func(d loyalty.Day, hour int) loyalty.Instant { return loyalty.At(loyalty.Wall(d, hour, 0, zone)) }
		for i, tt := range []struct {
			name    string
			refused loyalty.Instant
			column  string
			want    string
		}{
			{"refused that morning", wall(day, 9), "", "no"},
			{"refused just after midnight", wall(day, 0), "", "no"},
			{"refused that evening", wall(day, 23), "", "no"},
			{"refused the evening before, which is that day in UTC's past", wall(day-1, 23), "", "yes"},
			{"a column with the day", wall(day, 9), day.String(), "no"},
			{"a column with a later moment", wall(day, 9), day.String() + " 10:00", "yes"},
		} {
			id := "M-" + string(rune('a'+i))
			d.Stored(event(loyalty.MemberChanged, "no-"+id, -9000, loyalty.Member{ID: id, Email: id + "@example.test",
				Consent: map[string]bool{loyalty.Offers: false}, ConsentAt: tt.refused, ConsentSource: "page"}))
			content := "member,first_name\n" + id + ",Ana\n"
			if tt.column != "" {
				content = "member,consent_at\n" + id + "," + tt.column + "\n"
			}
			d.Take(importer.File{Kind: "members", Path: file(t, id+".csv", content), Consent: []string{loyalty.Offers}, ConsentSource: "list", ConsentDay: day})
			if got := d.topics(id); got != tt.want {
				t.Errorf("%s: offers %s, want %s", tt.name, got, tt.want)
			}
		}
		d.Stored(event(loyalty.MemberChanged, "yes", -9000, loyalty.Member{ID: "N", Consent: map[string]bool{loyalty.Offers: true}, ConsentAt: wall(day, 22)}),
			event(loyalty.MemberChanged, "no", -9000, loyalty.Member{ID: "N", Consent: map[string]bool{loyalty.Offers: false}, ConsentDay: day}))
		if got := d.topics("N"); got != "no" {
			t.Errorf("a no of a day against a yes of that evening: offers %s, want no", got)
		}
	})
}
