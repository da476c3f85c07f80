package console_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/console"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/demo"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/patiently"
	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/jobs"
)

// demoShop is the demo's shop as it stands when a marketer sits down: its engine, its clock,
// the sink that takes its mails, and its console.
type demoShop struct {
	db       *store.DB
	clock    *engine.Clock
	intake   *intake.Intake
	engine   *engine.Engine
	sink     *embedded.Sink
	sender   *delivery.Sender
	site     string
	sessions map[staff.Role]string
	log      *said
	events   int
}

// openShop plays a day of the demo, with the year before, and opens its console.
func openShop(t *testing.T) *demoShop {
	t.Helper()
	ctx := t.Context()
	end := time.Date(2027, 3, 3, 10, 0, 0, 0, time.UTC) // a Wednesday
	s := &demoShop{clock: engine.NewClock(end), sessions: map[staff.Role]string{}, log: &said{}}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	s.db, err = store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"), store.Options{Create: true, Now: s.clock.Now})
	ok(err)
	t.Cleanup(func() { _ = s.db.Close() }) // nothing is read from it any more
	ok(s.db.Migrate(ctx))
	s.sink, err = embedded.NewSink(embedded.SinkOptions{Now: s.clock.Now})
	ok(err)
	t.Cleanup(func() { _ = s.sink.Close() }) // as above
	o, err := smtp.ParseURL("smtp://" + s.sink.Addr() + "?tls=off")
	ok(err)
	relay := smtp.New(o)
	t.Cleanup(func() { relay.Close(context.Background()) })
	sender := delivery.New(delivery.Config{
		DB: s.db, Programs: versions.Programs{DB: s.db}, Transports: map[string]delivery.Transport{delivery.Urgent: relay, delivery.Bulk: relay},
		Links: consent.NewLinks("http://localhost:8080", [][]byte{bytes.Repeat([]byte{7}, 32)}), Secret: []byte("secret"), Sink: true,
	})
	s.sender, s.intake, s.engine = sender, intake.New(s.db), engine.New(s.db, sender)
	_, err = demo.Play{DB: s.db, Clock: s.clock, Intake: s.intake, Engine: s.engine, Days: 1, People: 40, Seed: 7, End: end}.Run(ctx)
	ok(err)
	ok(s.db.Update(ctx, func(tx *store.Tx) error { return signIn(tx, "harbour.example", s.sessions) }))
	var handle http.Handler
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle.ServeHTTP(w, r) }))
	t.Cleanup(site.Close)
	s.site = site.URL
	handle = (&console.Console{Live: time.Minute, DB: s.db, Marketer: marketing.Marketer{DB: s.db, Sender: sender}, Base: s.site, Log: slog.New(slog.NewTextHandler(s.log, nil))}).Handler()
	return s
}

// happens tells the shop what a customer did.
func (d *marketer) happens(kind, id string, change func(*loyalty.Event)) {
	d.t.Helper()
	d.events++
	e := loyalty.Event{Source: "till", Type: kind, ID: fmt.Sprintf("till-%d", d.events), At: loyalty.At(d.clock.Now()), Member: loyalty.Member{ID: id}}
	change(&e)
	results, err := d.intake.Apply(d.t.Context(), []loyalty.Event{e}, intake.Live)
	if err != nil || results[0].State != intake.Stored {
		d.t.Fatalf("%s of %s: %+v, %v", kind, id, results, err)
	}
}

// joins is somebody who joins at the counter.
func (d *marketer) joins(id, first string, offers bool) {
	d.t.Helper()
	d.happens(loyalty.MemberJoined, id, func(e *loyalty.Event) {
		yes := true
		e.Member = loyalty.Member{ID: id, Email: strings.ToLower(id) + "@people.example", FirstName: first, Joined: &yes, JoinedAt: e.At, Language: "en",
			Consent: map[string]bool{loyalty.Offers: offers, loyalty.Newsletter: offers, loyalty.Program: true}, ConsentSource: "joined at the counter", ConsentAt: e.At}
	})
}

// buys is a member who buys coffee for so many cents.
func (d *marketer) buys(id string, cents int64) {
	d.t.Helper()
	d.happens(loyalty.OrderPlaced, id, func(e *loyalty.Event) {
		e.Order = &loyalty.Order{ID: fmt.Sprintf("T-%d", d.events), At: e.At, Status: loyalty.Paid, Currency: "EUR", Total: cents, HasTotal: true,
			Lines: []loyalty.Line{{Product: "HARBOUR-250", Name: "Harbour House blend, 250 g", Category: "Coffee", Quantity: 1, Total: cents}}}
	})
}

// later lets time go by, with everything that is due in it.
func (d *marketer) later(by time.Duration) { d.t.Helper(); d.untilIs(d.clock.Now().Add(by)) }

func (d *marketer) untilIs(at time.Time) {
	d.t.Helper()
	if err := d.engine.Advance(d.t.Context(), d.clock, at); err != nil {
		d.t.Fatal(err)
	}
}

// count asks the shop's database.
func (d *marketer) count(query string, args ...any) (n int64) {
	d.t.Helper()
	named := store.Args{}
	for i := 0; i+1 < len(args); i += 2 {
		named[args[i].(string)] = args[i+1]
	}
	if err := d.db.View(d.t.Context(), func(tx *store.Tx) error { return tx.One(&n, query, named) }); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// mails are those that the sink took, with a subject that has a text in it.
func (d *marketer) mails(subject string) (found []embedded.Mail) {
	for _, m := range d.sink.Mails() {
		if strings.Contains(m.Subject, subject) {
			found = append(found, m)
		}
	}
	return found
}

// inForce is a file of the program in force.
func (d *marketer) inForce(file string) (text string) {
	d.t.Helper()
	err := d.db.View(d.t.Context(), func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		files, err := versions.Files(tx, v.ID)
		text = files[file]
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// begins has the marketer begin a change of the program.
func (d *marketer) begins(title string) {
	d.t.Helper()
	d.as(staff.Marketer)
	d.part("Program")
	d.main()
	d.fill("What is the change for?", title)
	d.press("Begin a change")
	d.reads(title, "draft")
}

// rewrites writes a file of the change that is open, and goes back to the change.
func (d *marketer) rewrites(title, file string, edit func(string) string) {
	d.t.Helper()
	d.opens(file)
	d.writes(edit)
	d.main()
	d.press(title)
}

// opens opens a file of the change that is open.
func (d *marketer) opens(file string) {
	d.t.Helper()
	d.main()
	if d.eval("document.querySelector('details:not([open])') !== null") == true {
		d.unfold(fmt.Sprint(d.eval("document.querySelector('details:not([open]) summary').innerText")))
	}
	d.press(file)
}

// adds writes a file that is not there yet, and goes back to the change.
func (d *marketer) adds(title, file, text string) {
	d.t.Helper()
	d.main()
	d.fill("A file that is not there yet", file)
	d.press("Open it")
	d.writes(func(string) string { return text })
	d.main()
	d.press(title)
}

// writes changes the text of the file that is open and saves it.
func (d *marketer) writes(edit func(string) string) {
	d.t.Helper()
	was, _ := d.eval("document.querySelector('textarea').value").(string)
	next := edit(was)
	if next == was {
		d.t.Fatalf("the file has nothing to change: %s", was)
	}
	d.main()
	d.fill("Text", next)
	d.press("Save")
	d.reads("Saved, in the draft alone")
}

// approves has a colleague put the change in force that the marketer proposes.
func (d *marketer) approves(title string) {
	d.t.Helper()
	before := d.count("select max(id) from versions")
	d.main()
	d.press("Propose it")
	d.reads("Somebody else looks at it now", "It waits for somebody with the role launcher")
	d.as(staff.Launcher)
	d.part("Program")
	d.main()
	d.press(title)
	d.main()
	d.press("Apply it")
	d.reads("It is in force, in all workers")
	if now := d.count("select max(id) from versions"); now != before+1 {
		d.t.Errorf("version %d is in force after version %d", now, before)
	}
}

// replaced is an edit: one text in place of another.
func replaced(old, next string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, next, 1) }
}

// appended is an edit: a text at the end.
func appended(text string) func(string) string { return func(s string) string { return s + text } }

// TestTenStoriesOfAMarketer is a working week at the console of the demo's shop, told
// twice: by keyboard alone, where Tab has to lead to everything and the focus has to be
// seen; and in a browser that runs no script.
func TestTenStoriesOfAMarketer(t *testing.T) {
	t.Parallel()
	for _, byTab := range []bool{true, false} {
		t.Run(map[bool]string{true: "by keyboard", false: "without script"}[byTab], func(t *testing.T) {
			t.Parallel()
			d := &marketer{tab: openTab(t), byTab: byTab}
			d.demoShop = openShop(t)
			d.do("Page.enable", nil, nil)
			d.do("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
			if !byTab {
				d.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
			}
			for _, story := range []struct {
				name string
				tell func(*marketer)
			}{
				{"the welcome mail has another text and another picture", (*marketer).changesTheWelcome},
				{"who bought coffee and went quiet is won back", (*marketer).winsBackCoffeeBuyers},
				{"a drop for VIPs on Friday has a budget and a reminder, and is rehearsed", (*marketer).dropsOnFriday},
				{"a mail with a wrong price is stopped, corrected and goes on", (*marketer).stopsAWrongPrice},
				{"why Ana got nothing", (*marketer).findsOutWhyAnaGotNothing},
				{"a rule with a mistake is mended by what it is told", (*marketer).mendsARule},
				{"a file is taken in", (*marketer).takesAFileIn},
				{"a colleague's change is approved and rolled back", (*marketer).rollsBack},
				{"points are given back after a complaint", (*marketer).givesPointsBack},
				{"the month is a picture", (*marketer).looksAtTheMonth},
			} {
				done := t.Run(story.name, func(t *testing.T) {
					d.t, d.tab.t = t, t
					story.tell(d)
				})
				d.t, d.tab.t = t, t
				if !done {
					return // what follows builds on it
				}
			}
			for _, word := range []string{"@people.example", "Petrovska"} {
				if strings.Contains(d.log.String(), word) {
					t.Errorf("the log says %q: %.300s", word, d.log.String())
				}
			}
		})
	}
}

// changesTheWelcome (1): the marketer rewrites the mail, sends it to herself, and whoever
// joins after that gets the new one.
func (d *marketer) changesTheWelcome() {
	const title, file = "a spring welcome", "campaigns/welcome/1-welcome.en.md"
	picture := filepath.Join(d.t.TempDir(), "Pier.png")
	var drawn bytes.Buffer
	err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 1072, 300)))
	if err == nil {
		err = os.WriteFile(picture, drawn.Bytes(), 0o600)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.begins(title)
	d.main()
	d.give("A picture for mails", picture)
	d.press("Upload it")
	d.reads("png of 1072 × 300 pixels", "](pictures/pier.png)")
	d.main()
	d.press(title)
	d.rewrites(title, file, replaced("Here is something to start with.", "![A cup on the pier](pictures/pier.png)\n\nSpring is here, and so is this."))
	d.reads("1 line taken out", "+ Spring is here, and so is this.")
	d.opens(file)
	d.main()
	d.fill("Send it to", "maria@harbour.example")
	d.press("Send a test")
	d.reads("The test mail was handed over")
	tests := d.mails("[Test] Welcome to Harbour Coffee")
	if len(tests) != 1 || tests[0].To != "maria@harbour.example" || !pier(tests[0]) || !strings.Contains(tests[0].Text(), "Spring is here") {
		d.t.Fatalf("%d test mails: %+v", len(tests), tests)
	}
	d.main()
	d.press(title)
	d.reads("+ Spring is here, and so is this.")
	d.approves(title)

	d.joins("Nora", "Nora", true)
	d.later(time.Minute)
	for _, m := range d.sink.ByRecipient("nora@people.example") {
		if strings.Contains(m.Text(), "Spring is here") && pier(m) {
			return
		}
	}
	d.t.Errorf("Nora has %d mails, none of them with spring", len(d.sink.ByRecipient("nora@people.example")))
}

// pier reports whether a mail shows the picture that was uploaded, half as wide as it is.
func pier(m embedded.Mail) bool {
	return strings.Contains(m.HTML(), `/pictures/`) && strings.Contains(m.HTML(), `.png" alt="A cup on the pier" width="536"`)
}

// winsBackCoffeeBuyers (2): a new campaign with two mails, the second for those who did
// not click in the first.
func (d *marketer) winsBackCoffeeBuyers() {
	const title = "win coffee drinkers back"
	d.begins(title)
	d.rewrites(title, "program.yaml", appended("tracking: {clicks: true}\n"))
	d.rewrites(title, "segments.yaml", appended("coffee-gone: bought_category(\"Coffee\") and days_since_last_order > 30\n"))
	d.adds(title, "campaigns/coffee-back/campaign.yaml", `live:  true
start: {enters: coffee-gone, time: 10:00, existing: all}
until: order
topic: offers
class: earned
steps:
  - mail: 1-the-grinder-is-quiet
  - wait: 2d at 10:00
  - if: not clicked("coffee-back")
    mail: 2-still-your-coffee
`)
	d.adds(title, "campaigns/coffee-back/1-the-grinder-is-quiet.en.md", "---\nsubject: The grinder is quiet\n---\nWe kept your coffee.\n\n[Have a cup]({{ shop.url }}/coffee)\n")
	d.adds(title, "campaigns/coffee-back/2-still-your-coffee.en.md", "---\nsubject: Still your coffee\n---\nIt is still here.\n")
	d.reads("coffee-back")
	d.approves(title)

	d.later(24 * time.Hour)
	first := d.mails("The grinder is quiet")
	if len(first) < 3 {
		d.t.Fatalf("%d members were won back by a first mail", len(first))
	}
	clicker := first[0].To
	d.clicks(clicker, "coffee-back")
	d.later(3 * 24 * time.Hour)
	second := d.mails("Still your coffee")
	first = d.mails("The grinder is quiet") // more have gone quiet meanwhile
	if len(second) == 0 || len(second) >= len(first) {
		d.t.Errorf("%d second mails after %d first ones", len(second), len(first))
	}
	for _, m := range second {
		if m.To == clicker {
			d.t.Errorf("who clicked has the second mail, too")
		}
	}
	if n := d.count(`select count(*) from sends s join campaigns c on c.id = s.campaign_id where c.name = 'coffee-back' and s.state = 'sent' and not exists (
		select 1 from orders o join order_lines l on l.order_id = o.id where o.member_id = s.member_id and l.category = 'Coffee')`); n != 0 {
		d.t.Errorf("%d mails went to members who never bought coffee", n)
	}
}

// clicks is a member who followed a link of a campaign's mail.
func (d *marketer) clicks(address, campaign string) {
	d.t.Helper()
	err := d.db.Update(d.t.Context(), func(tx *store.Tx) error {
		n, err := tx.Exec(`insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link)
			select s.id, s.member_id, s.campaign_id, 'click', @now, @day, true, 'https://harbour.example/coffee'
			from   sends s join members m on m.id = s.member_id join campaigns c on c.id = s.campaign_id
			where  m.email = @email and c.name = @campaign`, store.Args{"now": tx.At, "day": int64(loyalty.DayOf(tx.At.Time, time.UTC)), "email": address, "campaign": campaign})
		if err == nil && n != 1 {
			err = fmt.Errorf("%d mails of %s to %s", n, campaign, address)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// friday is the next one, at ten in the shop.
func (d *marketer) friday() time.Time {
	home, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		d.t.Fatal(err)
	}
	day := loyalty.DayOf(d.clock.Now(), home) + 1
	for day.Weekday() != time.Friday {
		day++
	}
	return loyalty.Wall(day, 10, 0, home)
}

// dropsOnFriday (3): codes for the best, within a budget, in two waves, with a reminder
// two days before they end; what it will do is seen before it is in force.
func (d *marketer) dropsOnFriday() {
	const title = "a drop for our best"
	for range 6 {
		d.buys("Nora", 1290)
	}
	d.joins("Ana", "Ana", false)
	for range 6 {
		d.buys("Ana", 2490)
	}
	d.later(time.Hour)
	friday := d.friday()
	d.begins(title)
	d.rewrites(title, "pools.yaml", appended("vip-friday: {kind: generated, pattern: VIP-####-####, amount: 5.00, valid_for: 7d, budget: 400.00, checkout: asks_us}\n"))
	d.adds(title, "campaigns/vip-friday/campaign.yaml", fmt.Sprintf(`live:  true
start: {at: %s 10:00}
for:   orders >= 3
until: coupon used
topic: offers
class: earned
waves: {size: 50%%, every: 2h}
steps:
  - mail: 1-for-you
    coupon: vip-friday
  - wait: 2d before coupon ends
  - if: unused("vip-friday")
    mail: 2-two-days-left
`, friday.Format("2006-01-02")))
	d.adds(title, "campaigns/vip-friday/1-for-you.en.md", "---\nsubject: For our best\n---\nThe new harvest is 8.90. {{ coupon.code }}\n")
	d.adds(title, "campaigns/vip-friday/2-two-days-left.en.md", "---\nsubject: Two days left\n---\nYour code: {{ coupon.code }}\n")
	d.reads("vip-friday")
	d.rehearses(title, friday)
	d.approves(title)

	d.part("Today")
	d.reads("vip-friday")
	d.untilIs(friday.Add(10 * time.Minute))
	if n := d.count("select count(*) from codes k join pools p on p.id = k.pool_id where p.name = 'vip-friday' and k.member_id is not null"); n < 4 || n*5 > 400 {
		d.t.Errorf("the drop gave %d codes of 5.00, and has 400.00", n)
	}
	if len(d.mails("For our best")) == 0 {
		d.t.Error("the first wave did not go out")
	}
}

// rehearses has a worker play the change that is open over this month and the one before,
// leaves the page meanwhile, and reads what would go out on Friday.
func (d *marketer) rehearses(title string, friday time.Time) {
	d.t.Helper()
	sent, codes := len(d.sink.Mails()), d.count("select count(*) from codes")
	d.main()
	d.press("To the rehearsal")
	d.reads("Which days?")
	d.main()
	d.press("Rehearse")
	d.reads("It waits for a worker", "You can leave this page")
	d.part("Today")
	d.works(d.count("select max(id) from jobs where kind = 'rehearse'"))
	d.part("Program")
	d.main()
	d.press(title)
	d.main()
	d.press("To the rehearsal")
	d.reads("What would go out", "vip-friday new", "1-for-you", "2-two-days-left", "€5.00 off", "By the program in force")
	day := friday.Format("2006-01-02")
	drawn := fmt.Sprintf("[...document.querySelectorAll('main .picture svg rect title')].find(e => e.textContent.startsWith(%q))?.textContent ?? ''", day)
	if got := fmt.Sprint(d.eval(drawn)); !strings.Contains(got, "vip-friday ") {
		d.t.Errorf("the calendar says of Friday %q", got)
	}
	if d.eval("[...document.querySelectorAll('main .picture svg[role=img]')].some(e => e.getBoundingClientRect().width > 100 && e.computedName.length > 10)") != true {
		d.t.Error("the calendar cannot be seen, or has no name")
	}
	d.main()
	d.unfold("The days as a table")
	d.reads(friday.Format("2 Jan 2006"))
	if now := len(d.sink.Mails()); now != sent || d.count("select count(*) from codes") != codes {
		d.t.Errorf("%d mails went out by a rehearsal, or codes were given", now-sent)
	}
	d.main()
	d.press(title)
}

// works has a worker at work until a job is over.
func (d *marketer) works(job int64) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	redis, err := embedded.StartRedis(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	wire, err := jobs.Connect("redis://" + redis.Addr())
	if err != nil {
		d.t.Fatal(err)
	}
	hints := jobs.NewHints(wire, slog.New(slog.DiscardHandler))
	rest := make(chan error, 1)
	go func() {
		rest <- (&jobs.Worker{Rooms: jobs.Rooms{DB: d.db, Sender: d.sender, Intake: d.intake, Engine: d.engine}, Redis: wire, Hints: hints, Log: slog.New(slog.DiscardHandler), Grace: patiently.AtMost}).Run(ctx)
	}()
	defer func() {
		cancel()
		if err := <-rest; err != nil {
			d.t.Errorf("the worker ended with %v", err)
		}
		hints.Close()
		_ = wire.Close() // nothing is asked of it any more
		redis.Close()
	}()
	for end := time.Now().Add(2 * patiently.AtMost); ; time.Sleep(50 * time.Millisecond) {
		var now struct{ State, Outcome string }
		err := d.db.View(d.t.Context(), func(tx *store.Tx) error {
			return tx.One(&now, "select state, coalesce(outcome, '') as outcome from jobs where id = @id", store.Args{"id": job})
		})
		switch {
		case err != nil:
			d.t.Fatal(err)
		case now.State == "done":
			return
		case now.State == "failed" || time.Now().After(end):
			d.t.Fatalf("job %d is %s: %s", job, now.State, now.Outcome)
		}
	}
}

// stopsAWrongPrice (4): the first wave has gone out, and somebody calls: it is 9.80.
func (d *marketer) stopsAWrongPrice() {
	const title = "the price is 9.80"
	wrong := len(d.mails("For our best"))
	run := d.count("select max(r.id) from runs r join campaigns c on c.id = r.campaign_id where c.name = 'vip-friday'")
	d.as(staff.Launcher)
	d.part("Runs")
	d.main()
	d.press("vip-friday")
	d.main()
	d.fill("Why?", "the price is wrong")
	d.press("Pause")
	d.reads("paused by hand: the price is wrong")
	d.later(3 * time.Hour)
	if now := len(d.mails("For our best")); now != wrong {
		d.t.Fatalf("%d mails went out while it was paused", now-wrong)
	}

	d.begins(title)
	d.rewrites(title, "campaigns/vip-friday/1-for-you.en.md", replaced("8.90", "9.80"))
	d.approves(title)

	d.part("Runs")
	d.main()
	d.press("vip-friday")
	d.main()
	d.choose("the corrected ones")
	d.press("Resume")
	d.reads("The run goes on")
	d.later(3 * time.Hour)
	all := d.mails("For our best")
	if len(all) <= wrong {
		d.t.Fatalf("nothing went out after it was resumed: %d mails", len(all))
	}
	for i, m := range all {
		if price := map[bool]string{true: "8.90", false: "9.80"}[i < wrong]; !strings.Contains(m.Text(), price) {
			d.t.Errorf("mail %d of %d does not say %s", i+1, len(all), price)
		}
	}
	if n := d.count("select count(*) from sends where run_id = @run and state not in ('sent', 'skipped')", "run", run); n != 0 {
		d.t.Errorf("%d mails of the run are still to go", n)
	}
	d.later(6 * 24 * time.Hour)
	if len(d.mails("Two days left")) == 0 {
		d.t.Error("nobody was reminded")
	}
}

// findsOutWhyAnaGotNothing (5): Ana complains that her friend got a code, and she did not.
func (d *marketer) findsOutWhyAnaGotNothing() {
	d.as(staff.Marketer)
	d.finds("Ana")
	d.main()
	d.press("vip-friday")
	d.reads("offers", "not")
	if got := d.count("select count(*) from sends s join members m on m.id = s.member_id join campaigns c on c.id = s.campaign_id where m.external_id = 'Ana' and c.name = 'vip-friday' and s.state = 'skipped' and s.reason = 'no_consent'"); got != 1 {
		d.t.Errorf("%d mails to Ana were skipped for want of consent", got)
	}
}

// finds looks a member up and opens their page.
func (d *marketer) finds(id string) {
	d.t.Helper()
	d.part("Members")
	d.fillHere("Name, address, phone, card, id, order or code", strings.ToLower(id)+"@people.example")
	d.press("Search")
	if at := fmt.Sprint(d.eval("location.href")); strings.Contains(at, "@") {
		d.t.Errorf("who was looked for stands in the address: %s", at)
	}
	d.main()
	d.press(id)
}

// fillHere writes into the field that has the focus when the page opens.
func (d *marketer) fillHere(name, text string) {
	d.t.Helper()
	if called, _ := d.eval("document.activeElement.computedName").(string); !strings.HasPrefix(called, name) {
		d.fill(name, text)
		return
	}
	d.do("Input.insertText", map[string]any{"text": text}, nil)
}

// mendsARule (6): the rule has a typing mistake, and the answer says what was meant.
func (d *marketer) mendsARule() {
	d.as(staff.Marketer)
	d.part("Segments")
	d.main()
	d.fill("Rule", "ordrs >= 2 and not bought_category(\"Tea\")")
	d.press("Ask")
	d.reads("ordrs", "orders")
	d.main()
	d.fill("Rule", "orders >= 2 and not bought_category(\"Tea\")")
	d.press("Ask")
	want := d.count(`select count(*) from members m where
		(select count(*) from orders o where o.member_id = m.id and o.counts) >= 2
		and not exists (select 1 from orders o join order_lines l on l.order_id = o.id where o.member_id = m.id and l.category = 'Tea')`)
	d.reads(fmt.Sprintf("%d members", want))
}

// takesAFileIn (7): a list of members from the old till, looked at, taken in by a worker
// while she does something else, and what was refused of it.
func (d *marketer) takesAFileIn() {
	path := filepath.Join(d.t.TempDir(), "old-till.csv")
	if err := os.WriteFile(path, []byte("id,email,first_name\nTILL-1,ida@people.example,Ida\nTILL-2,otto@people.example,Otto\n,nobody,Nils\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	before := d.count("select count(*) from members")
	d.as(staff.Marketer)
	d.part("Jobs")
	d.main()
	d.press("Take a file in")
	d.main()
	d.choose("Members")
	d.give("The file", path)
	d.press("See what it would do")
	d.reads("old-till.csv", "What it would do", "email", "first_name", "Line 4")
	if n := d.count("select count(*) from members"); n != before {
		d.t.Errorf("a look took %d members in", n-before)
	}
	d.main()
	d.press("Take it in")
	d.reads("It waits for a worker")
	d.part("Today")
	d.works(d.count("select j.id from jobs j join uploads u on u.job_id = j.id where j.kind = 'import' and u.name = 'old-till.csv'"))
	d.part("Jobs")
	d.main()
	d.press("Take a file in")
	d.main()
	d.press("old-till.csv")
	d.reads("done", "3 rows read", "The refused rows as a table")
	if n := d.count("select count(*) from members where external_id in ('TILL-1', 'TILL-2') and first_name in ('Ida', 'Otto')"); n != 2 || d.count("select count(*) from members") != before+2 {
		d.t.Errorf("%d of the two members who could be read are there, of %d before now %d", n, before, d.count("select count(*) from members"))
	}
}

// rollsBack (8): the colleague's change is approved, turns out to be wrong, and is taken back.
func (d *marketer) rollsBack() {
	const title, file = "silver for less", "loyalty.yaml"
	was, before := d.inForce(file), d.count("select max(id) from versions")
	d.begins(title)
	d.rewrites(title, file, replaced(`spent("12m") >= 250.00`, `spent("12m") >= 25.00`))
	d.approves(title)
	if now := d.inForce(file); !strings.Contains(now, ">= 25.00") {
		d.t.Fatalf("what was approved is not in force: %s", now)
	}
	d.part("Program")
	d.main()
	d.press(fmt.Sprintf("Version %d", before))
	d.main()
	d.press("Roll back to it")
	d.reads("What that would change", "silver")
	d.main()
	d.fill("Why?", "one zero was missing")
	d.press("Roll back to it")
	d.reads("in force", "one zero was missing")
	if now := d.inForce(file); now != was {
		d.t.Errorf("what was before is not in force again: %s", now)
	}
}

// givesPointsBack (9): a bag was torn; the member has her beans back.
func (d *marketer) givesPointsBack() {
	balance := func() int64 {
		return d.count("select coalesce(sum(e.amount), 0) from entries e join members m on m.id = e.member_id where m.external_id = 'Nora'")
	}
	before := balance()
	d.as(staff.Launcher)
	d.finds("Nora")
	d.main()
	d.unfold("Give or take points")
	d.fill("How many", "120")
	d.fill("Why?", "the bag was torn")
	d.press("Book")
	d.reads("Booked", "the bag was torn")
	if now := balance(); now != before+120 {
		d.t.Errorf("Nora had %d beans and has %d", before, now)
	}
	if n := d.count("select count(*) from audit where by_whom = 'console: launcher@harbour.example' and after like '%the bag was torn%'"); n != 1 {
		d.t.Errorf("%d rows of the audit tell of it", n)
	}
}

// looksAtTheMonth (10): one page with figures and pictures, each with words for who
// cannot see it.
func (d *marketer) looksAtTheMonth() {
	d.as(staff.Viewer)
	d.part("Reports")
	d.main()
	d.press("One month on one page")
	d.reads("The month March 2027", "Orders")
	if n, _ := d.eval("[...document.querySelectorAll('main .picture svg[role=img]')].filter(e => e.getBoundingClientRect().width > 100 && e.computedName.length > 10).length").(float64); n < 2 {
		d.t.Errorf("%v pictures", n)
	}
	var month report.MonthFigures
	err := d.db.View(d.t.Context(), func(tx *store.Tx) (err error) {
		zone, err := tx.Zone()
		if err == nil {
			month, _, err = marketing.Month(tx, loyalty.DayOf(tx.At.Time, zone))
		}
		return err
	})
	if err != nil || month.Orders.Orders == 0 {
		d.t.Fatalf("%d orders in the month: %v", month.Orders.Orders, err)
	}
	if got := fmt.Sprint(d.eval("[...document.querySelectorAll('.tile')].find(e => e.innerText.toLowerCase().startsWith('orders')).querySelector('a').innerText")); got != fmt.Sprint(month.Orders.Orders) {
		d.t.Errorf("the page counts %s orders, there are %d", got, month.Orders.Orders)
	}
}
