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

	Unplayed int64  `json:"unplayed,omitempty"` // events of the past that could not be played
	Because  string `json:"because,omitempty"`  // of the first of them

	Notes []string `json:"notes,omitempty"` // what else of the past is not played
}

// Campaign is what one campaign would have sent.
type Campaign struct {
	Mails   int64            `json:"mails"`
	ByMonth map[string]int64 `json:"by_month"` // 1997-01 → mails
	ByMail  map[string]int64 `json:"by_mail"`
	Skipped map[string]int64 `json:"skipped"` // reason → members
	Codes   int64            `json:"codes"`   // that were given, each once

	NotTried string   `json:"not_tried,omitempty"` // why the past could not start it
	Notes    []string `json:"notes,omitempty"`     // what its rules read that nobody does in a rehearsal
}

// outcome counts the ledger of the stage.
func outcome(ctx context.Context, db *store.DB, p *program.Program, zone *time.Location) (Outcome, error) {
	o := Outcome{Campaigns: map[string]*Campaign{}}
	for _, c := range p.Campaigns {
		o.Campaigns[c.Name] = &Campaign{ByMonth: map[string]int64{}, ByMail: map[string]int64{}, Skipped: map[string]int64{}}
	}
	return o, db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`
			select c.name, s.step, s.state, s.reason, s.handed_at
			from   sends s join campaigns c on c.id = s.campaign_id`, nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, step, state, reason string
			var handed loyalty.Instant
			if err := rows.Scan(&name, &step, &state, &reason, &handed); err != nil {
				return err
			}
			switch c := o.Campaigns[name]; {
			case c == nil:
			case state == "sent":
				c.Mails++
				c.ByMonth[handed.In(zone).Format("2006-01")]++
				c.ByMail[step]++
			case state == "skipped" || state == "failed":
				c.Skipped[reason]++
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		var given []struct {
			Name string
			N    int64
		}
		// A flow may show one code in several mails.
		err = tx.All(&given, `
			select c.name, count(distinct s.code_id) as n
			from   sends s join campaigns c on c.id = s.campaign_id
			where  s.state = 'sent'
			group  by c.name`, nil)
		for _, g := range given {
			if c := o.Campaigns[g.Name]; c != nil {
				c.Codes = g.N
			}
		}
		return err
	})
}

// Print tells the outcome to a marketer.
func (o Outcome) Print(w io.Writer) {
	if o.Unplayed > 0 {
		fmt.Fprintf(w, "note: %d events of the past could not be played, the first of them %s\n", o.Unplayed, o.Because)
	}
	for _, note := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		c := o.Campaigns[name]
		if c.NotTried != "" {
			fmt.Fprintf(w, "%s: not tried: %s\n", name, c.NotTried)
			continue
		}
		fmt.Fprintf(w, "%s: %d mails, %d codes\n", name, c.Mails, c.Codes)
		for _, note := range c.Notes {
			fmt.Fprintf(w, "  note: %s\n", note)
		}
		for _, line := range []struct {
			head   string
			counts map[string]int64
		}{{"by month", c.ByMonth}, {"by mail", c.ByMail}, {"left out", c.Skipped}} {
			var parts []string
			for _, key := range slices.Sorted(maps.Keys(line.counts)) {
				parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(key, "_", " "), line.counts[key]))
			}
			if parts != nil {
				fmt.Fprintf(w, "  %-9s %s\n", line.head, strings.Join(parts, ", "))
			}
		}
	}
}
