package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// counting is a test's ledger.
type counting struct {
	*testing.T
	db *store.DB
}

func (c counting) exec(statements ...string) {
	c.Helper()
	err := c.db.Update(context.Background(), func(tx *store.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s, store.Args{"now": tx.At}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
}

// mails freezes a run of mails to members from one to another.
func (c counting) mails(from, to, run int) {
	c.Helper()
	var rows [][]any
	for member := from; member <= to; member++ {
		rows = append(rows, []any{int64(20000), int64(run), "letter", int64(member), int64(1), int64(1), int64(run), "offer", "offers", "queued", c.db.Now()})
	}
	args := store.Args{"run": run, "now": c.db.Now(), "audience": len(rows)}
	err := c.db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, expires_at, started_at) values (@run, @run, 1, 1, 'letter', 'offer', 'sending', @now, @now) on conflict (id) do nothing", args)
		if err != nil {
			return err
		}
		_, err = tx.Bulk("sends", []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "queued_at"}, rows)
		if err == nil {
			_, err = tx.Exec("update runs set audience = @audience where id = @run", args)
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
}

// want checks what is counted of run 1, and that the ledger agrees.
func (c counting) want(about, want string) {
	c.Helper()
	err := c.db.View(context.Background(), func(tx *store.Tx) error {
		var rows []struct {
			State, Reason string
			SentDay, N    int64
		}
		err := tx.All(&rows, "select state, reason, sent_day, cast(sum(n) as bigint) as n from counted where run_id = 1 group by state, reason, sent_day having sum(n) <> 0 order by state, reason, sent_day", nil)
		if err != nil {
			return err
		}
		var got []string
		for _, r := range rows {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s@%d %s", r.N, r.State, r.SentDay, r.Reason)))
		}
		if text := strings.Join(got, ", "); text != want {
			c.Errorf("%s: counted %s, want %s", about, text, want)
		}
		wrong, err := store.Miscounts(tx, 5)
		if len(wrong) > 0 {
			c.Errorf("%s: the ledger says otherwise: %+v", about, wrong)
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
}

func (c counting) fold() (n int) {
	c.Helper()
	err := c.db.Update(context.Background(), func(tx *store.Tx) (err error) { n, err = store.FoldCounts(tx); return err })
	if err != nil {
		c.Fatal(err)
	}
	return n
}

func TestWhateverChangesAMailIsCounted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		c.mails(1, 10, 1)
		c.mails(11, 12, 2)
		c.want("queued", "10 pending@-1")
		c.exec("insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select 20000, 9, 'letter', member_id, 1, 1, class, topic, 'queued', @now from sends where run_id = 2",
			"update runs set audience = audience + 1", "update runs set audience = 12 where id = 1") // counted once
		c.want("with single mails", "10 pending@-1")
		c.exec("update sends set state = 'handing', sent_day = 20001, fence = fence + 1 where run_id = 1")
		c.want("on their way", "10 pending@-1")
		c.exec("update sends set state = 'sent' where member_id <= 6",
			"update sends set state = 'skipped', reason = 'capped', sent_day = null where member_id = 7",
			"update sends set state = 'unknown' where member_id = 8")
		c.want("over", "2 pending@-1, 6 sent@20001, 1 skipped@-1 capped, 1 unknown@20001")
		c.exec("update sends set smtp_text = 'thanks', member_id = member_id + 100 where run_id = 1")
		c.want("of other members", "2 pending@-1, 6 sent@20001, 1 skipped@-1 capped, 1 unknown@20001")
		c.exec("update sends set state = 'bounced', reason = 'no_such_address' where member_id in (101, 102)", "update sends set state = 'queued' where member_id = 108")
		c.want("come back, and again", "2 bounced@20001 no_such_address, 3 pending@-1, 4 sent@20001, 1 skipped@-1 capped")
		c.exec("update sends set state = 'failed' where id < 0")
		c.want("none", "2 bounced@20001 no_such_address, 3 pending@-1, 4 sent@20001, 1 skipped@-1 capped")
		c.exec("insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n) values (1, 20000, 1, 'letter', 'offer', 20009, 'sent', '', 7), (1, 20000, 1, 'letter', 'offer', -1, 'skipped', 'late', -2)")
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			if n, err := store.Recount(tx); n != 2 || err != nil {
				t.Errorf("Recount() = %d, %v, want the two keys that were wrong", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c.want("set right", "2 bounced@20001 no_such_address, 3 pending@-1, 4 sent@20001, 1 skipped@-1 capped")
	})
}

// What was counted is added up by many at once while mails go out, and is the same at
// every moment.
func TestCountsAreAddedUpBesideTheSenders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		c.mails(1, 1200, 1)
		if db.Engine() == store.Postgres { // as 1,100 transactions would have written them
			c.exec("insert into count_changes (campaign_id, day, run_id, step, class, sent_day, state, reason, n) select 1, 20000, 1, 'letter', 'offer', -1, 'pending', '', case when g % 2 = 0 then 1 else -1 end from generate_series(1, 1100) g")
		}
		var all sync.WaitGroup
		for part := range 4 {
			all.Go(func() {
				for i := range 5 {
					c.exec(fmt.Sprintf("update sends set state = 'sent', sent_day = 20000 where member_id between %d and %d", part*300+i*50+1, part*300+i*50+50))
				}
			})
			all.Go(func() { c.fold() })
		}
		all.Wait()
		c.want("after all", "200 pending@-1, 1000 sent@20000")
		if n := c.fold(); n != 0 {
			t.Errorf("%d changes were still many, want few", n)
		}
	})
}

// The last step of the migration counts what was in the ledger before, whatever was
// counted beside it since the triggers are there.
func TestTheMigrationCountsTheLedgerAsItIs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		c.mails(1, 8, 1)
		c.exec("update sends set state = 'sent', sent_day = 20000 where member_id <= 4", "delete from counts")
		if db.Engine() == store.Postgres {
			c.exec("delete from count_changes")
		}
		c.exec("update sends set state = 'complained' where member_id = 1", "update sends set state = 'sent', sent_day = 20001 where member_id = 5") // an older version goes on
		c.mails(9, 9, 1)
		text, err := store.Migrations.ReadFile("migrations/" + db.Engine() + "/0034_counted.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range strings.Split(string(text), ";\n") {
			if strings.TrimSpace(statement) != "" {
				c.exec(statement)
			}
		}
		c.want("counted", "1 complained@20000, 4 pending@-1, 3 sent@20000, 1 sent@20001")
	})
}

// Who freezes a run counts it, and it is counted once, also beside an older binary whose
// run the trigger counts, in the same transaction.
func TestARunIsCountedByItsWriter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := counting{t, db}
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			for run, note := range []func(run int64) error{
				func(run int64) error { return store.CountRun(tx, run, map[string]int64{"": 2, "no_consent": 1}) },
				func(run int64) error {
					_, err := tx.Exec("update runs set audience = 3 where id = @run", store.Args{"run": run})
					return err
				},
			} {
				args := store.Args{"run": int64(run + 1), "key": fmt.Sprint("run ", run+1), "now": tx.At}
				for _, text := range []string{
					"insert into occurrences (id, campaign_id, key, day, at, decision) values (@run, 1, @key, 20000, @now, 'started')",
					"insert into runs (id, occurrence_id, campaign_id, version_id, step, class, state, expires_at, started_at) values (@run, @run, 1, 1, 'letter', 'offer', 'sending', @now, @now)",
				} {
					if _, err := tx.Exec(text, args); err != nil {
						return err
					}
				}
				var rows [][]any
				for member, reason := range []string{"", "", "no_consent"} {
					state := "queued"
					if reason != "" {
						state = "skipped"
					}
					rows = append(rows, []any{int64(20000), int64(run + 1), "letter", int64(member), int64(1), int64(1), int64(run + 1), "offer", "offers", state, reason, tx.At})
				}
				_, err := tx.Bulk("sends", []string{"day", "occurrence_id", "step", "member_id", "campaign_id", "version_id", "run_id", "class", "topic", "state", "reason", "queued_at"}, rows)
				if err == nil {
					err = note(int64(run + 1))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c.want("both runs", "2 pending@-1, 1 skipped@-1 no_consent")
	})
}
