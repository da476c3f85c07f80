package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// For how long things are kept that nothing is computed from: raw bodies of
// webhooks hold personal data, and jobs name members.
const (
	keepHooks = 30 * 24 * time.Hour
	keepJobs  = 90 * 24 * time.Hour
	keepEarly = 90 * 24 * time.Hour

	// Files hold people's addresses: one that nobody starts is soon forgotten, and the
	// refused rows of one that is in have been taken away or will not be.
	keepUnstarted = 24 * time.Hour
	keepUploads   = 7 * 24 * time.Hour

	// What relays say names addresses; the network address beside a consent is
	// evidence while somebody may still dispute it.
	keepReplies = 30 * 24 * time.Hour
	keepOrigins = 3 * 365 * 24 * time.Hour
)

// retainAtOnce bounds how many rows of a table one transaction deletes.
const retainAtOnce = 1000

// kept says of a table, with its key, how old its rows may become, and since when
// they count as old.
type kept struct {
	table, id, over string
	keep            time.Duration
}

// A webhook that nobody has dealt with in all this time goes, too: its body is personal
// data. A job that is not over is never old. What was told of an
// order that nobody has told of since will never be applied.
var retention = []kept{
	{"hooks", "id", "received_at < @before", keepHooks},
	{"happenings", "id", "taken_at < @before and not exists (select 1 from reactions r where r.happening_id = happenings.id)", keepHooks},
	{"jobs", "id", "state in ('done', 'failed', 'cancelled') and finished_at < @before", keepJobs},
	{"mail_news", "(source, id)", "heard_at < @before", keepEarly},
	{"soft_bounces", "email_key", "last_at < @before", keepEarly},
	{"hook_deliveries", "id", "state = 'delivered' and at < @before or not exists (select 1 from hook_destinations d where d.id = hook_deliveries.destination_id)", outbox.KeepDelivered},
	{"hook_deliveries", "id", "at < @before", outbox.KeepOther},
	{"uploads", "id", "at < @before and job_id is null", keepUnstarted},
	{"uploads", "id", "at < @before and not exists (select 1 from jobs j where j.id = uploads.job_id and j.state in ('queued', 'running'))", keepUploads},
	{"upload_parts", "(upload_id, what, n)", "upload_id not in (select id from uploads)", 0},
	{"kept_reports", "(name, day)", "as_of < @before", keepJobs},
	{"rehearsals", "proposal_id", "as_of < @before", keepJobs},
	{"early_events", "(source, external_id)", "received_at < @before", keepEarly},
}

// retain throws away what was kept long enough, once a shop day. It does a
// bounded piece and returns how many rows that were.
func retain(ctx context.Context, db *store.DB) (int, error) {
	return daily(ctx, db, passRetain, func(tx *store.Tx, today loyalty.Day) (did int, more bool, err error) {
		for _, k := range retention {
			n, err := k.delete(tx)
			if err != nil {
				return 0, false, err
			}
			did, more = did+n, more || n == retainAtOnce
		}
		for _, s := range scrubbed {
			n, err := s.scrub(tx)
			if err != nil {
				return 0, false, err
			}
			did, more = did+n, more || n > 0
		}
		n, err := forgetSends(tx, today)
		if err != nil {
			return 0, false, err
		}
		did, more = did+n, more || n > 0
		if !more {
			err = store.TidyCounts(tx)
		}
		return did, more, errors.Join(err, forgetErased(tx))
	})
}

// forgetErased empties what the relay said of mails that were in its hands while their
// member was erased.
func forgetErased(tx *store.Tx) error {
	_, err := tx.Exec(`
		update sends set smtp_text = null, email_key = null
		where  member_id in (select id from members where erased_at >= @since) and (smtp_text is not null or email_key is not null)`,
		store.Args{"since": loyalty.At(tx.At.AddDate(0, 0, -3))})
	if err != nil {
		return fmt.Errorf("what relays said of erased members: %w", err)
	}
	return nil
}

// scrub says which column of a table is emptied when its row is old. at is the
// column, growing with the id, that tells how old it is.
type scrub struct {
	table, column, at string
	keep              time.Duration
}

var scrubbed = []scrub{
	{"sends", "smtp_text", "queued_at", keepReplies},
	{"consents", "ip", "recorded_at", keepOrigins},
}

// scrub empties the column of the next rows that are old enough, and returns how
// many rows it has passed: a setting keeps up to which, so that each row is looked
// at once.
func (s scrub) scrub(tx *store.Tx) (int, error) {
	key := "scrubbed_" + s.table
	text, err := tx.SettingOr(key, func() string { return "0" })
	if err != nil {
		return 0, err
	}
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("setting %s: %w", key, err)
	}
	args := store.Args{"from": from, "before": loyalty.At(tx.At.Add(-s.keep)), "most": retainAtOnce}
	var next struct{ N, Last int64 }
	err = tx.One(&next, `
		select count(*) as n, coalesce(max(id), 0) as last
		from  (select id, `+s.at+` as at from `+s.table+` where id > @from order by id limit @most) next
		where  at < @before`, args)
	if err != nil || next.N == 0 {
		return 0, err
	}
	args["last"] = next.Last
	if _, err := tx.Exec("update "+s.table+" set "+s.column+" = '' where id > @from and id <= @last and "+s.column+" <> ''", args); err != nil {
		return 0, err
	}
	return int(next.N), tx.SetSetting(key, strconv.FormatInt(next.Last, 10))
}

// delete throws away the oldest rows, but not all at once.
func (k kept) delete(tx *store.Tx) (int, error) {
	rows := strings.Trim(k.id, "()")
	n, err := tx.Exec("delete from "+k.table+" where "+k.id+" in (select "+rows+" from "+k.table+" where "+k.over+" order by "+rows+" limit @most)",
		store.Args{"before": loyalty.At(tx.At.Add(-k.keep)), "most": retainAtOnce})
	return int(n), err
}
