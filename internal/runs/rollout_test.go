package runs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/report"
	"regulars/internal/runs"
	"regulars/internal/shoptest"
	"regulars/internal/store"
)

const minted = "gift: {kind: generated, pattern: GIFT-####-####, percent: 15, valid_for: 14d, checkout: asks_us}\n"

// drop is a drop with those lines of its own.
func drop(keys string) shoptest.Program {
	return shoptest.Program{More: "quiet: 21:00-08:00\n", Pools: minted, Campaigns: map[string]string{
		"drop": "live: true\nstart: {launch: {}}\n" + keys + "\nsteps:\n  - mail: gift\n    coupon: gift\n"}}
}

func (s *shop) resume(run int64) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) error { return runs.Resume(tx, run, false) })
}

// hand plays delivery for the chunks that are due now, and returns how many mails
// went; one that went before fails the test.
func (s *shop) hand() (n int64) {
	s.T.Helper()
	s.Do(func(tx *store.Tx) (err error) {
		const due = `select 1 from chunks k join runs r on r.id = k.run_id and r.state = 'sending'
		             where k.run_id = sends.run_id and not k.done and k.not_before <= @now and sends.id between k.lo and k.hi`
		args := store.Args{"now": tx.At}
		n, err = tx.Exec(`update sends set state = case when expires_at < @now then 'skipped' else 'sent' end, handed_at = @now, done_at = @now
			where state = 'queued' and exists (`+due+`)`, args)
		if err == nil {
			_, err = tx.Exec("update chunks set done = true where not_before <= @now and run_id in (select id from runs where state = 'sending')", args)
		}
		return err
	})
	s.Work()
	return n
}

// through steps through moments of the shop and says how many mails went at each.
func (s *shop) through(moments ...string) string {
	s.T.Helper()
	var went []string
	for _, at := range moments {
		s.At(at)
		if n := s.hand(); n > 0 {
			went = append(went, fmt.Sprintf("%s: %d", at[5:], n))
		}
	}
	return strings.Join(went, ", ")
}

// wantOnce checks that so many mails went, each once and with a code of its own.
func (s *shop) wantOnce(n int) {
	s.T.Helper()
	s.Want("ledger", s.Ledger(), fmt.Sprintf("%d gift sent", n))
	s.Want("codes", fmt.Sprint(s.Number("select count(distinct c.id) from sends s join codes c on c.id = s.code_id and c.member_id = s.member_id")), fmt.Sprint(n))
	s.Want("run", s.runs(), "1 finished")
}

func (s *shop) runs() string {
	s.T.Helper()
	return s.Counted("select state || because as what, count(*) as n from runs group by 1")
}

func TestAPilotByHandWaitsForAPersonAndThenGoesInWaves(t *testing.T) {
	each(t, drop("pilot: {size: 20, then: by hand}\nwaves: {size: 50%, every: 2h}"), func(t *testing.T, s *shop) {
		s.Join(100)
		s.At("2027-03-08 09:00")
		run := s.launch(runs.LaunchRequest{Campaign: "drop"}).Run
		s.Want("the pilot", s.through("2027-03-08 09:00", "2027-03-08 15:00", "2027-03-10 10:00"), "03-08 09:00: 20")
		s.Want("run", s.runs(), fmt.Sprintf("1 pausedthe pilot of 20 is out: look at it, then `regulars runs resume %d` lets the rest go", run))
		if first := s.Number("select count(*) from sends where state = 'sent' and member_id <= 20"); first > 15 {
			t.Errorf("%d of the pilot's 20 are among the first 20 members, want a choice at random", first)
		}
		err := s.DB.View(context.Background(), func(tx *store.Tx) error {
			status, err := report.Look(tx)
			if needs := strings.Join(status.Needs, "\n"); !strings.Contains(needs, "the pilot of 20 is out") {
				t.Errorf("status needs %q, want that the pilot is out", needs)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.resume(run)
		s.Want("the rest", s.through("2027-03-10 10:00", "2027-03-10 11:59", "2027-03-10 12:00", "2027-03-12 08:00"), "03-10 10:00: 40, 03-10 12:00: 40")
		s.wantOnce(100)
	})
}

func TestAPilotIsFollowedByTheRestAfterADay(t *testing.T) {
	each(t, drop("pilot: {size: 20, then: after 24h}"), func(t *testing.T, s *shop) {
		s.Join(50)
		s.At("2027-03-08 09:00")
		s.launch(runs.LaunchRequest{Campaign: "drop"})
		s.Want("sent", s.through("2027-03-08 09:00", "2027-03-09 08:59", "2027-03-09 09:00", "2027-03-09 10:00"), "03-08 09:00: 20, 03-09 09:00: 30")
		s.wantOnce(50)
	})
}

func TestWavesDoNotPileUpAfterTheNight(t *testing.T) {
	each(t, drop("waves: {size: 20%, every: 4h}"), func(t *testing.T, s *shop) {
		s.Join(52)
		s.At("2027-03-08 16:00")
		s.launch(runs.LaunchRequest{Campaign: "drop"})
		s.Want("sent", s.through("2027-03-08 16:00", "2027-03-08 20:00", "2027-03-09 00:00", "2027-03-09 07:59", "2027-03-09 08:00",
			"2027-03-09 08:01", "2027-03-09 11:59", "2027-03-09 12:00", "2027-03-09 16:00"),
			"03-08 16:00: 11, 03-08 20:00: 11, 03-09 08:00: 11, 03-09 12:00: 11, 03-09 16:00: 8")
		s.wantOnce(52)
	})
}

func TestAWaveIsLateFromItsOwnMoment(t *testing.T) {
	each(t, drop("waves: {size: 10, every: 2d}"), func(t *testing.T, s *shop) {
		s.Join(30)
		s.At("2027-03-08 09:00")
		s.launch(runs.LaunchRequest{Campaign: "drop"})
		s.Want("sent", s.through("2027-03-08 09:00", "2027-03-10 10:00", "2027-03-12 10:00"), "03-08 09:00: 10, 03-10 10:00: 10, 03-12 10:00: 10")
		s.wantOnce(30)
	})
}

func TestWavesMissedInAPauseKeepTheirDistance(t *testing.T) {
	each(t, drop("pilot: {size: 10, then: after 3h}\nwaves: {size: 10, every: 1h}"), func(t *testing.T, s *shop) {
		s.Join(40)
		s.At("2027-03-08 09:00")
		run := s.launch(runs.LaunchRequest{Campaign: "drop"}).Run
		s.Do(func(tx *store.Tx) error { return runs.Pause(tx, run, "wait") })
		s.Want("in the pause", s.through("2027-03-08 09:00", "2027-03-08 20:00", "2027-03-10 09:00"), "")
		s.resume(run)
		s.Want("sent", s.through("2027-03-10 09:00", "2027-03-10 11:59", "2027-03-10 12:00", "2027-03-10 13:00", "2027-03-10 14:00"),
			"03-10 09:00: 10, 03-10 12:00: 10, 03-10 13:00: 10, 03-10 14:00: 10")
		s.wantOnce(40)
	})
}

func TestAPilotThatIsPausedHalfWayLetsNothingElseGo(t *testing.T) {
	each(t, drop("pilot: {size: 10}"), func(t *testing.T, s *shop) {
		s.Join(30)
		s.At("2027-03-08 09:00")
		run := s.launch(runs.LaunchRequest{Campaign: "drop"}).Run
		s.Do(func(tx *store.Tx) error { return runs.Pause(tx, run, "wait") })
		s.resume(run)
		s.Want("after the first yes", s.through("2027-03-08 10:00", "2027-03-08 11:00"), "03-08 10:00: 10")
		s.Do(func(tx *store.Tx) error { return runs.Cancel(tx, run, "no good") })
		s.Work()
		s.Want("after a no", s.Ledger(), "10 gift sent, 20 gift skipped cancelled")
		s.Want("run", s.runs(), "1 cancelledno good")
	})
}

func TestAPilotThatIsTooLateStillWaitsForAPerson(t *testing.T) {
	each(t, drop("pilot: {size: 10}"), func(t *testing.T, s *shop) {
		s.Join(30)
		s.At("2027-03-08 09:00")
		run := s.launch(runs.LaunchRequest{Campaign: "drop"}).Run
		s.At("2027-03-09 09:01")
		s.Want("ledger", s.Ledger(), "20 gift queued, 10 gift skipped late")
		s.resume(run)
		s.Want("the rest", s.through("2027-03-09 10:00"), "03-09 10:00: 20")
	})
}

func TestAPilotOfEverybodyAsksNobody(t *testing.T) {
	each(t, drop("pilot: {size: 200}\nwaves: {size: 20%, every: 2h}"), func(t *testing.T, s *shop) {
		s.Join(30)
		s.At("2027-03-08 22:00")
		s.launch(runs.LaunchRequest{Campaign: "drop"})
		s.Want("sent", s.through("2027-03-08 22:00", "2027-03-09 08:00"), "03-09 08:00: 30")
		s.wantOnce(30)
	})
}

func TestEachZoneHasItsPilotAndWaves(t *testing.T) {
	p := shoptest.Program{More: "quiet: 21:00-08:00\n", Pools: minted, Campaigns: map[string]string{"drop": "live: true\nstart: {at: 2027-03-09 20:00, zone: member}\n" +
		"pilot: {size: 5}\nwaves: {size: 10, every: 3h}\nsteps:\n  - mail: gift\n    coupon: gift\n"}}
	each(t, p, func(t *testing.T, s *shop) {
		members := s.Join(50)
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec("update members set time_zone = 'Asia/Tokyo' where id > @id", store.Args{"id": members[24]})
			return err
		})
		s.Want("the pilots", s.through("2027-03-09 13:00", "2027-03-09 20:00"), "03-09 13:00: 5, 03-09 20:00: 5")
		s.At("2027-03-09 20:30")
		s.resume(1)
		s.resume(2)
		s.Want("the rest", s.through("2027-03-09 20:30", "2027-03-10 01:00", "2027-03-10 04:00", "2027-03-10 07:59", "2027-03-10 08:00"),
			"03-09 20:30: 10, 03-10 01:00: 10, 03-10 04:00: 10, 03-10 08:00: 10")
		s.Want("ledger", s.Ledger(), "50 gift sent")
	})
}

func TestWhatCouldNotBeMadeIsTakenUpWithNewTexts(t *testing.T) {
	each(t, drop("pilot: {size: 20, then: by hand}"), func(t *testing.T, s *shop) {
		s.Join(60)
		s.At("2027-03-08 09:00")
		run := s.launch(runs.LaunchRequest{Campaign: "drop"}).Run
		var all []int64
		s.Do(func(tx *store.Tx) error {
			if err := tx.All(&all, "select id from sends where state = 'queued' order by id limit 3", nil); err != nil {
				return err
			}
			args := store.Args{"ids": store.JSON(all), "now": tx.At}
			if _, err := tx.Exec("update sends set state = 'skipped', reason = 'render_error', smtp_text = 'no such value', done_at = @now where id in (select value from "+tx.JSONEach("@ids")+")", args); err != nil {
				return err
			}
			if err := coupon.Release(tx, all); err != nil {
				return err
			}
			return runs.Pause(tx, run, "mails cannot be made")
		})
		s.Do(func(tx *store.Tx) error { return runs.Resume(tx, run, true) })
		const due = "select count(*) from due d join sends s on s.id = d.send_id where s.state = 'queued' and s.reason = 'again' and d.lane = 'bulk'"
		s.Want("due again", fmt.Sprint(s.Number(due)), "3")
		s.Want("skipped", fmt.Sprint(s.Number("select count(*) from sends where state = 'skipped'")), "0")
		s.Want("with a code of their own", fmt.Sprint(s.Number("select count(distinct c.id) from sends s join codes c on c.id = s.code_id and c.state = 'reserved' and c.member_id = s.member_id")), "60")
	})
}
