package delivery

import (
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// dueAgain writes when each send goes again; the others are no longer due.
func dueAgain(tx *store.Tx, lane string, results []result) error {
	type when struct {
		until   loyalty.Instant
		wait    time.Duration
		expires loyalty.Instant
		asWas   bool // it goes back as it was, and has been due since then
		domain  string
	}
	groups := map[when][]int64{}
	var over []int64
	for _, e := range results {
		if e.final() {
			over = append(over, e.s.Send)
			continue
		}
		w := when{e.until, e.wait, e.expires, e.state == queued, e.domain}
		groups[w] = append(groups[w], e.s.Send)
	}
	if err := notDue(tx, over); err != nil {
		return err
	}
	for w, ids := range groups {
		if err := dueAt(tx, lane, ids, w.until, w.wait, w.asWas, w.domain); err != nil {
			return err
		}
		if err := extend(tx, ids, w.expires); err != nil {
			return err
		}
	}
	return nil
}

func notDue(tx *store.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec("delete from due where send_id in (select value from "+tx.JSONEach("@ids")+")", store.Args{"ids": store.JSON(ids)})
	return err
}

// dueAt makes sends due not before a business moment (none: now) and a machine
// time from now. A send that is due already keeps its lane, and with asWas since
// when it has been due: a try that came to nothing does not make it younger. domain is
// whose rate they wait for, "" for none.
func dueAt(tx *store.Tx, lane string, ids []int64, until loyalty.Instant, wait time.Duration, asWas bool, domain string) error {
	since := "excluded.not_before"
	if until.IsZero() {
		until = tx.At
		if asWas {
			since = "case when due.not_before < excluded.not_before then due.not_before else excluded.not_before end"
		}
	}
	retry := tx.Instant("null")
	if wait > 0 {
		retry = tx.MachineIn(wait)
	}
	_, err := tx.Exec(`
		insert into due (send_id, lane, not_before, retry_at, fence, waits_for)
		select s.id, cast(@lane as text), `+tx.Instant("@until")+`, `+retry+`, s.fence, nullif(cast(@domain as text), '')
		from   sends s
		where  s.id in (select value from `+tx.JSONEach("@ids")+`)
		order  by s.id
		on conflict (send_id) do update
		set    not_before = `+since+`, retry_at = excluded.retry_at, fence = excluded.fence, waits_for = excluded.waits_for`,
		store.Args{"domain": domain, "lane": lane, "until": until, "ids": store.JSON(ids)})
	return err
}

// extend gives sends that their campaign let wait a later expiry.
func extend(tx *store.Tx, ids []int64, expires loyalty.Instant) error {
	if expires.IsZero() {
		return nil
	}
	_, err := tx.Exec("update sends set expires_at = @expires where id in (select value from "+tx.JSONEach("@ids")+")",
		store.Args{"expires": expires, "ids": store.JSON(ids)})
	return err
}
