package store

import (
	"fmt"

	"regulars/internal/loyalty"
)

// How many mails came to what is counted by triggers of the ledger: whatever changes a
// mail, an older binary and a statement by hand among them, has it counted in its own
// transaction. On Postgres each transaction adds rows to count_changes, so that none
// waits for another, and FoldCounts adds them up; and a run's mails are counted together
// when its audience is noted. Readers ask the view counted.

// The states of the ledger as counts tell them.
const (
	CountedPending = "state = 'pending'"
	CountedSent    = "state in ('sent', 'bounced', 'complained')" // went out, whatever came back
)

// countsKey are the columns that tell counts apart.
const countsKey = "campaign_id, day, run_id, step, class, sent_day, state, reason"

const (
	foldFrom   = 1_000  // so few changes are left as they are: they are read as quickly
	foldAtOnce = 20_000 // of one transaction
)

// CountsUnfolded is a SELECT with a row where there are enough changes for FoldCounts.
// It is for Postgres.
func CountsUnfolded() string {
	return fmt.Sprintf("select 1 from (select 1 from count_changes limit 1 offset %d) c", foldFrom)
}

// FoldCounts adds changes up, a bounded piece of them, and returns how many: 0 says that
// there are few. What is read stays the same at every moment. On SQLite, which has one
// writer, there are none.
func FoldCounts(tx *Tx) (int, error) {
	if !tx.Postgres() {
		return 0, nil
	}
	var n int
	err := tx.One(&n, `
		with gone as (
			delete from count_changes
			where  id in (select id from count_changes where exists (`+CountsUnfolded()+`) order by id limit @most)
			returning `+countsKey+`, n
		),
		folded as (
			insert into counts as c (`+countsKey+`, n)
			select `+countsKey+`, sum(n) from gone
			group  by `+countsKey+` having sum(n) <> 0
			order  by `+countsKey+` -- two at once take them in the same order
			on conflict (`+countsKey+`) do update set n = c.n + excluded.n
		)
		select count(*) from gone`, Args{"most": foldAtOnce})
	if err != nil {
		return 0, fmt.Errorf("adding up what was counted: %w", err)
	}
	return n, nil
}

// CountRun notes the audience of a run that was just frozen, and counts it: how many mails
// are skipped for each reason, and for "" how many wait.
func CountRun(tx *Tx, run int64, reasons map[string]int64) error {
	args, rows := Args{"run": run, "audience": int64(0)}, make([][]any, 0, len(reasons))
	for reason, n := range reasons {
		args["audience"] = args["audience"].(int64) + n
		rows = append(rows, []any{reason, n})
	}
	if len(rows) == 0 {
		return nil
	}
	statements := []string{"update runs set audience = @audience where id = @run"}
	if tx.Postgres() {
		args["rows"] = Rows(rows)
		statements = []string{"select set_config('regulars.counted', 'yes', true)", statements[0], `
			insert into count_changes (` + countsKey + `, n)
			select u.campaign_id, o.day, u.id, u.step, u.class, -1, case when r.reason = '' then 'pending' else 'skipped' end, r.reason, r.n
			from   runs u
			join   occurrences o on o.id = u.occurrence_id
			cross  join ` + tx.Values("reason text", "n bigint") + `
			where  u.id = @run`}
	}
	for _, text := range statements {
		if _, err := tx.Exec(text, args); err != nil {
			return fmt.Errorf("counting run %d: %w", run, err)
		}
	}
	return nil
}

// ledgerCounts is the ledger from a day on, counted: a SELECT of the key and n.
const ledgerCounts = `
	select campaign_id, day, coalesce(run_id, 0) as run_id, step, class,
	       case when state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(sent_day, -1) end as sent_day,
	       case when state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else state end as state,
	       case when state in ('queued', 'claimed', 'handing', 'deferred') then '' else reason end as reason,
	       count(*) as n
	from   sends
	where  day >= @kept
	group  by 1, 2, 3, 4, 5, 6, 7, 8`

// miscounted is a SELECT of the keys of which the ledger holds more or fewer mails than
// are counted: the key, what is counted, and what the ledger holds.
const miscounted = `
	select ` + countsKey + `, cast(sum(case when of_ledger = 0 then n else 0 end) as bigint) as counted, cast(sum(case when of_ledger = 1 then n else 0 end) as bigint) as held
	from  (select ` + countsKey + `, n, 0 as of_ledger from counted where day >= @kept
	       union all
	       select ` + countsKey + `, n, 1 from (` + ledgerCounts + `) l) b
	group  by ` + countsKey + `
	having sum(case when of_ledger = 1 then n else -n end) <> 0`

// throughLedger prepares the transaction for a statement that counts the ledger: Postgres
// takes the keys for far more than they are, and would sort all mails by them.
func (tx *Tx) throughLedger() error {
	if err := tx.AboutEverybody(); err != nil || !tx.Postgres() {
		return err
	}
	_, err := tx.Exec("select set_config('enable_sort', 'off', true)", nil)
	return err
}

// Miscount is a key of counts of which the ledger holds another number of mails.
type Miscount struct {
	CampaignID    int64
	Day           loyalty.Day
	Step, State   string
	Reason        string
	Counted, Held int64
}

// Miscounts compares what is counted with the ledger, as of one moment and as far back as
// the ledger is whole, and returns at most so many differences. It reads the ledger once.
func Miscounts(tx *Tx, most int) (found []Miscount, err error) {
	kept, err := LedgerSince(tx)
	if err == nil {
		err = tx.throughLedger()
	}
	if err != nil {
		return nil, err
	}
	err = tx.All(&found, "select campaign_id, day, step, state, reason, counted, held from ("+miscounted+") m order by day, campaign_id, step, state, reason limit @most",
		Args{"kept": int64(kept), "most": most})
	return found, err
}

// Recount sets right what is counted by the ledger, and returns how many keys it changed.
func Recount(tx *Tx) (int64, error) {
	kept, err := LedgerSince(tx)
	if err == nil {
		err = tx.throughLedger()
	}
	if err != nil {
		return 0, err
	}
	into, conflict := "count_changes", ""
	if !tx.Postgres() {
		into, conflict = "counts", "on conflict ("+countsKey+") do update set n = n + excluded.n"
	}
	return tx.Exec("insert into "+into+" ("+countsKey+", n) select "+countsKey+", held - counted from ("+miscounted+") m where true "+conflict, Args{"kept": int64(kept)})
}

// settingLedgerSince is the first shop day since which every mail is in the ledger, as a
// number; of days before, what nothing needs any more was deleted.
const settingLedgerSince = "ledger_since"

// LedgerSince is the first day of starts since which every mail is in the ledger; 0:
// nothing was ever deleted.
func LedgerSince(tx *Tx) (loyalty.Day, error) {
	var day []loyalty.Day
	err := tx.All(&day, "select cast(value as bigint) as day from settings where key = '"+settingLedgerSince+"'", nil)
	if err != nil || len(day) == 0 {
		return 0, err
	}
	return day[0], nil
}

// SetLedgerSince says that mails of starts before a day may be deleted from now on.
func SetLedgerSince(tx *Tx, day loyalty.Day) error {
	before, err := LedgerSince(tx)
	if err != nil || before >= day {
		return err
	}
	return tx.SetSetting(settingLedgerSince, fmt.Sprint(int64(day)))
}

// TidyCounts takes away what is counted as no mails at all.
func TidyCounts(tx *Tx) error {
	_, err := tx.Exec("delete from counts where n = 0", nil)
	return err
}
