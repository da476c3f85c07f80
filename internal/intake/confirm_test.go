package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/importer"

	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/why"
)

const confirmed = "join: {confirm: true}\n"

// asks is somebody with an address who asks to join and agrees to offers.
func asks(id string, minutes int) loyalty.Event {
	return event(loyalty.MemberJoined, id, minutes, loyalty.Member{ID: "M-1", Email: "ana@example.test", ConsentSource: "checkout",
		ConsentText: "Send me offers", Consent: map[string]bool{loyalty.Offers: true, loyalty.Newsletter: false}})
}

// link is what the last mail of the double opt-in holds.
func (d door) link() consent.Claims {
	var claims [2]int64
	for i, column := range []string{"member_id", "id"} {
		claims[i], _ = strconv.ParseInt(d.One("select s."+column+" from sends s join campaigns c on c.id = s.campaign_id where c.name = 'confirm' order by s.id desc limit 1"), 10, 64)
	}
	return consent.Claims{Member: claims[0], Send: claims[1]}
}

// now moves the door and the tables behind it to a moment.
func (d *door) now(minutes int) { d.Stand(at(minutes).Time) }

// confirm presses the button of a link.
func (d door) confirm(c consent.Claims) intake.Joining {
	d.T.Helper()
	j, err := d.Confirm(context.Background(), c, consent.How{IP: "192.0.2.1"})
	if err != nil {
		d.T.Error(err)
	}
	return j
}

// standing are the member's present answers.
func (d door) standing() string {
	return strings.Join(d.Rows("select topic || case when granted then ' yes' else ' no' end from member_topics order by topic"), ", ")
}

// why is the chain between the asker and a campaign.
func (d door) why(name string) string {
	var lines []why.Line
	err := d.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		lines, err = why.Chain(tx, d.link().Member, name, 0)
		return err
	})
	return fmt.Sprint(lines, err)
}

func (d door) joined() string {
	return d.One("select count(*) filter (where m.joined_at is not null) || ' ' || count(*) filter (where f.joined) from members m join facts f on f.member_id = m.id")
}

func TestWhoAsksToJoinHasJoinedOnceTheyConfirm(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": welcome, "heard": "live: true\nstart: {event: member.joined}\nclass: service\nsteps:\n  - mail: a\n"})
		check := func(when, queued, joined, standing string) {
			t.Helper()
			if got := []string{d.queued(), d.joined(), d.standing()}; got[0] != queued || got[1] != joined || got[2] != standing {
				t.Errorf("%s: queued %q, joined %q, topics %q, want %q, %q, %q", when, got[0], got[1], got[2], queued, joined, standing)
			}
		}
		d.now(10)
		d.Stored(asks("j1", 9))
		check("asked", "confirm", "0 0", "newsletter no")
		if got := d.One("select class || ' ' || lane from sends s join due d on d.send_id = s.id"); got != "service urgent" {
			t.Errorf("the mail is %s", got)
		}
		first := d.link()
		for _, name := range []string{"welcome", "confirm"} {
			if got := d.why(name); !strings.Contains(got, "has not confirmed it") {
				t.Errorf("why of %s: %s, want it to say what is missing", name, got)
			}
		}
		d.now(600)
		d.Stored(asks("j2", 599))
		check("asked again the same day", "confirm", "0 0", "newsletter no")
		d.now(10 + 24*60)
		d.Stored(asks("j3", 9+24*60))
		check("a day later", "confirm confirm", "0 0", "newsletter no")
		d.now(2000)
		if j := d.confirm(first); !j.Confirmed {
			t.Errorf("Confirm = %+v", j)
		}
		check("confirmed by the first link", "confirm confirm heard welcome", "1 1", "newsletter no, offers yes")
		if got := d.One("select count(*) from members where joined_day is not null"); got != "1" {
			t.Error("the day of joining is not kept")
		}
		evidence := "select source || '|' || said || '|' || ip || '|' || send_id from consents where granted"
		if got, want := strings.Join(d.Rows(evidence), "; "), fmt.Sprintf("double opt-in|Send me offers [checkout, %s]|192.0.2.1|%d", at(9+24*60).UTC().Format("2006-01-02T15:04:05Z"), first.Send); got != want {
			t.Errorf("evidence %q, want %q", got, want)
		}
		joined := d.One("select cast(joined_at as text) from members")
		d.now(2010)
		d.confirm(d.link())
		d.Stored(asks("j4", 2009))
		check("confirmed and asked once more", "confirm confirm heard welcome", "1 1", "newsletter no, offers yes")
		if got := d.One("select cast(joined_at as text) from members"); got != joined {
			t.Errorf("joined at %s, then at %s", joined, got)
		}
	})
}

func TestWhoNeedsNoDoubleOptIn(t *testing.T) {
	t.Parallel()
	yes := true
	member := loyalty.Member{ID: "M-1", Email: "ana@example.test", Joined: &yes}
	for claim, tt := range map[string]struct {
		take   func(d door) // what comes in
		joined string
		queued string
	}{
		"history was settled before us": {func(d door) {
			if _, err := d.Apply(context.Background(), []loyalty.Event{asks("j", 9)}, intake.History); err != nil {
				t.Error(err)
			}
		}, "1 1", ""},
		"a past that is played again has confirmed": {func(d door) {
			if _, err := d.Apply(context.Background(), []loyalty.Event{asks("j", 9)}, intake.Replay); err != nil {
				t.Error(err)
			}
		}, "1 1", "welcome"},
		"so was what is no news any more":            {func(d door) { d.Stored(asks("j", -4*24*60)) }, "1 1", ""},
		"nothing can be confirmed without a mailbox": {func(d door) { d.Stored(event(loyalty.MemberJoined, "j", 9, loyalty.Member{ID: "M-1", Card: "42"})) }, "1 1", "welcome"},
		"but an order that says joined asks, too": {func(d door) {
			e := placed("e", "O-1", "M-1", 9, 100)
			e.Member = member
			d.Stored(e)
		}, "0 0", "confirm"},
		"and a file does as it says": {func(d door) {
			d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", "member,email,joined_at\nM-1,a@example.test,2027-01-01\n")})
		}, "1 1", ""},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := newDoor(t, db)
				d.program(confirmed, map[string]string{"welcome": welcome})
				d.now(10)
				tt.take(d)
				if d.joined() != tt.joined || d.queued() != tt.queued {
					t.Errorf("joined %q, queued %q, want %q, %q", d.joined(), d.queued(), tt.joined, tt.queued)
				}
			})
		})
	}
}

func TestALinkConfirmsTheAddressThatItWentTo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": welcome})
		d.now(10)
		d.Stored(asks("j1", 9))
		old := d.link()
		if _, err := exec(db, "update sends set email_key = (select email_key from members)", nil); err != nil { // it was sent
			t.Fatal(err)
		}
		moved := asks("j2", 11)
		moved.Member.Email = "stranger@example.test"
		d.now(12)
		d.Stored(moved)
		if _, err := d.Confirm(context.Background(), old, consent.How{}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old address's link: %v, want not found", err)
		}
		if got := d.queued() + ", joined " + d.joined(); got != "confirm confirm, joined 0 0" {
			t.Errorf("%s; want a mail to the new address at once", got)
		}
		d.confirm(d.link())
		if got := d.joined(); got != "1 1" {
			t.Errorf("the new address's link: joined %q", got)
		}
		for claim, c := range map[string]consent.Claims{"another member": {Member: old.Member + 1, Send: old.Send}, "no mail": {Member: old.Member}} {
			if _, err := d.Confirm(context.Background(), c, consent.How{}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a link of %s: %v, want not found", claim, err)
			}
		}
	})
}

func TestARefusalAfterAskingStands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": welcome})
		d.now(10)
		d.Stored(asks("j1", 9))
		d.Stored(event(loyalty.MemberChanged, "c", 10, loyalty.Member{ID: "M-1", Consent: map[string]bool{loyalty.Offers: false}}))
		d.now(20)
		d.confirm(d.link())
		if got := d.joined() + " " + d.standing(); got != "1 1 newsletter no, offers no" {
			t.Errorf("got %q, want joined without offers", got)
		}
	})
}

func TestManyClicksAtOnceJoinOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": strings.Replace(welcome, "joins\n", "joins\nagain: each\n", 1)})
		d.now(10)
		d.Stored(asks("j1", 9))
		c := d.link()
		together(8, func(int) { d.confirm(c) })
		if got := d.queued() + " " + d.One("select count(*) from consents where granted"); got != "confirm welcome 1" {
			t.Errorf("got %q, want one welcome and one consent", got)
		}
	})
}

func TestAMemberWhoComesToAnotherAddressIsAskedAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": welcome})
		d.now(10)
		d.Stored(asks("j1", 9))
		d.confirm(d.link())
		want := func(when, topics string, mails int) {
			t.Helper()
			if got := d.standing(); got != topics {
				t.Errorf("%s: %s, want %s", when, got, topics)
			}
			if got := d.One("select count(*) from sends s join campaigns c on c.id = s.campaign_id where c.name = 'confirm'"); got != strconv.Itoa(mails) {
				t.Errorf("%s: %s mails have asked, want %d", when, got, mails)
			}
		}
		want("confirmed", "newsletter no, offers yes", 1)

		d.now(20)
		d.Stored(event(loyalty.MemberChanged, "c1", 19, loyalty.Member{ID: "M-1", Email: "ANA@example.test"}))
		want("the same address in capitals", "newsletter no, offers yes", 1)
		d.Stored(event(loyalty.MemberChanged, "c2", 20, loyalty.Member{ID: "M-1", Email: "other@example.test",
			Consent: map[string]bool{loyalty.Newsletter: true}, ConsentAt: at(20), ConsentSource: "account page"}))
		want("another address", "newsletter no, offers no, program no", 2)
		if got := d.joined(); !strings.HasPrefix(got, "1") {
			t.Errorf("joined %q, want the member to stay one", got)
		}
		d.now(30)
		order := placed("o1", "O-1", "M-1", 25, 100)
		order.Member.Consent = map[string]bool{loyalty.Offers: true}
		d.Stored(order)
		want("an order that says yes", "newsletter no, offers no, program no", 2)

		// Somebody else with the new address: nobody has refused it.
		d.Stored(event(loyalty.MemberChanged, "c3", 30, loyalty.Member{ID: "M-2", Email: "other@example.test"}))
		if n := d.One("select count(*) from refusals where topic = 'offers'"); n != "0" {
			t.Errorf("%s refusals of addresses, want none: nobody refused", n)
		}
		d.confirm(d.link())
		want("confirmed from there", "newsletter yes, offers yes, program yes", 2)
		if got := d.One("select count(*) from passages p join campaigns c on c.id = p.campaign_id where c.name = 'welcome'"); got != "1" {
			t.Errorf("welcomed %s times, want once", got)
		}
	})
}

func TestOneAddressIsAskedOnceADay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program(confirmed, map[string]string{"welcome": welcome})
		asked := func() string { return d.One("select count(*) from sends") }
		ask := func(id string, minutes int) loyalty.Event {
			return event(loyalty.MemberJoined, "j"+id, minutes, loyalty.Member{ID: id, Email: "victim@example.test"})
		}
		d.now(10)
		d.Stored(ask("X-1", 5), ask("X-2", 6), ask("X-3", 7))
		for i := range 5 {
			d.Stored(ask("Y-"+strconv.Itoa(i), 8))
		}
		d.Stored(event(loyalty.MemberJoined, "z", 8, loyalty.Member{ID: "Z", Email: "z@example.test"}))
		if got := asked(); got != "2" {
			t.Errorf("%s mails to two addresses, want 2", got)
		}
		// One member who goes to and fro between two addresses.
		for i := range 4 {
			e := event(loyalty.MemberJoined, "f"+strconv.Itoa(i), 9, loyalty.Member{ID: "F", Email: []string{"victim@example.test", "z@example.test"}[i%2]})
			d.Stored(e)
		}
		if got := asked(); got != "2" {
			t.Errorf("%s mails after somebody has gone to and fro, want 2", got)
		}
		d.now(10 + 24*60)
		again := ask("X-2", 5+24*60)
		again.ID = "again"
		d.Stored(again)
		if got := asked(); got != "3" {
			t.Errorf("%s mails a day later, want 3", got)
		}
	})
}
