package intake

import (
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// dated are the tables whose rows keep the shop's day of an instant.
var dated = []struct{ table, day, at string }{
	{"orders", "day", "at"},
	{"events", "day", "at"},
	{"point_changes", "day", "at"},
	{"redemptions", "day", "at"},
	{"touches", "day", "at"},
	{"members", "joined_day", "joined_at"},
}

// Rezone computes the days of all that has come in anew, after the shop's zone
// was changed, and the facts from them. It belongs into the transaction that
// changes the zone. Days that people and passages had already, of segments
// entered, mails sent, and points that open and end, stay as they were: members were
// told them.
func Rezone(tx *store.Tx) error {
	// Whoever takes something in has come to the end, or reads the zone again once we
	// have.
	if err := tx.LockTable("members"); err != nil {
		return err
	}
	zone, err := tx.Zone()
	if err != nil {
		return err
	}
	for _, d := range dated {
		if err := rezone(tx, zone, d.table, d.day, d.at); err != nil {
			return fmt.Errorf("days of %s: %w", d.table, err)
		}
	}
	if _, err := tx.Exec(`
		update order_lines
		set    day = o.day
		from   orders o
		where  o.id = order_lines.order_id and order_lines.day <> o.day`, nil); err != nil {
		return fmt.Errorf("days of order lines: %w", err)
	}
	if err := rebuildFacts(tx, loyalty.DayOf(tx.At.Time, zone)); err != nil {
		return err
	}
	return norms.Renew(tx)
}

// KeepPoints computes the facts anew after others came to keep the points: the program
// itself, or the shop. It belongs into the transaction that puts the program in force.
func KeepPoints(tx *store.Tx) error {
	if err := tx.LockTable("members"); err != nil {
		return err
	}
	today, err := tx.Today()
	if err != nil {
		return err
	}
	return rebuildFacts(tx, today)
}

// rezone goes through the stretches of time in which the zone keeps one offset.
func rezone(tx *store.Tx, zone *time.Location, table, day, at string) error {
	var span struct{ First, Last loyalty.Instant }
	if err := tx.One(&span, "select min("+at+") as first, max("+at+") as last from "+table, nil); err != nil || span.First.IsZero() {
		return err
	}
	const whole = int64(24 * time.Hour / time.Microsecond)
	for t := span.First.Time; !t.After(span.Last.Time); {
		_, offset := t.In(zone).Zone()
		_, end := loyalty.Stretch(t.In(zone))
		if end.IsZero() {
			end = span.Last.Add(time.Hour)
		}
		micros := fmt.Sprintf("(%s + %d)", tx.Micros(at), int64(offset)*1_000_000)
		floor := fmt.Sprintf("((%[1]s - ((%[1]s %% %[2]d) + %[2]d) %% %[2]d) / %[2]d)", micros, whole)
		_, err := tx.Exec(`
			update `+table+`
			set    `+day+` = `+floor+`
			where  `+at+` >= @from and `+at+` < @until and `+day+` is distinct from `+floor,
			store.Args{"from": loyalty.At(t), "until": loyalty.At(end)})
		if err != nil {
			return err
		}
		t = end
	}
	return nil
}

// rebuildFacts computes the facts of everybody anew.
func rebuildFacts(tx *store.Tx, today loyalty.Day) error {
	if _, err := tx.Exec("delete from facts", nil); err != nil {
		return err
	}
	_, err := tx.Exec("insert into facts "+segments.FactsToday(tx.Engine(), ""), store.Args{"day": int64(today)})
	if err != nil {
		return fmt.Errorf("computing the facts of everybody: %w", err)
	}
	return nil
}
