package rehearsal

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Outcome is what would have been sent, by campaign.
type Outcome struct {
	Campaigns map[string]*Campaign `json:"campaigns"`
}

// Campaign is what one campaign would have sent.
type Campaign struct {
	Mails   int64            `json:"mails"`
	ByMonth map[string]int64 `json:"by_month"` // 1997-01 → mails
	ByMail  map[string]int64 `json:"by_mail"`
	Skipped map[string]int64 `json:"skipped"` // reason → members
	Codes   int64            `json:"codes"`
}

// outcome counts the ledger of the stage.
func outcome(ctx context.Context, db *store.DB, p *program.Program, zone *time.Location) (Outcome, error) {
	o := Outcome{Campaigns: map[string]*Campaign{}}
	for _, c := range p.Campaigns {
		o.Campaigns[c.Name] = &Campaign{ByMonth: map[string]int64{}, ByMail: map[string]int64{}, Skipped: map[string]int64{}}
	}
	return o, db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`
			select c.name, s.step, s.state, s.reason, s.handed_at, s.code_id is not null
			from   sends s join campaigns c on c.id = s.campaign_id`, nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, step, state, reason string
			var handed loyalty.Instant
			var code bool
			if err := rows.Scan(&name, &step, &state, &reason, &handed, &code); err != nil {
				return err
			}
			if c := o.Campaigns[name]; c != nil {
				c.count(step, state, reason, handed.In(zone), code)
			}
		}
		return rows.Err()
	})
}

func (c *Campaign) count(step, state, reason string, at time.Time, code bool) {
	switch state {
	case "sent":
		c.Mails++
		c.ByMonth[at.Format("2006-01")]++
		c.ByMail[step]++
		if code {
			c.Codes++
		}
	case "skipped", "failed":
		c.Skipped[reason]++
	}
}

// Print tells the outcome to a marketer.
func (o Outcome) Print(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		c := o.Campaigns[name]
		fmt.Fprintf(w, "%s: %d mails, %d codes\n", name, c.Mails, c.Codes)
		line(w, "by month", c.ByMonth)
		line(w, "by mail", c.ByMail)
		line(w, "left out", c.Skipped)
	}
}

func line(w io.Writer, head string, counts map[string]int64) {
	if len(counts) == 0 {
		return
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(key, "_", " "), counts[key]))
	}
	fmt.Fprintf(w, "  %-9s %s\n", head, strings.Join(parts, ", "))
}
