package report

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// CardMonth is what became of a punch card in a month.
type CardMonth struct {
	Month  string `json:"month"`
	Card   string `json:"card"`
	Stamps int64  `json:"stamps"` // given, less those taken back
	Ended  int64  `json:"ended"`  // of stamps, unused
	Filled int64  `json:"filled"` // times that one was full
	Codes  int64  `json:"codes"`  // given for full ones, less those taken back
	Used   int64  `json:"used"`   // of these, until now
}

// Cards returns what became of punch cards by month and card, up to the end of a day.
func Cards(tx *store.Tx, day loyalty.Day) (months []CardMonth, err error) {
	months = []CardMonth{}
	err = tx.All(&months, `
		select month, card, cast(sum(stamps) as bigint) as stamps, cast(sum(ended) as bigint) as ended, cast(sum(filled) as bigint) as filled,
		       cast(sum(codes) as bigint) as codes, cast(sum(used) as bigint) as used
		from  (select `+monthOf(tx, "day")+` as month, wallet as card,
		              case when kind in ('redeem', 'return', 'expire') then 0 else amount end as stamps,
		              case when kind = 'expire' then -amount else 0 end                       as ended,
		              case when kind = 'redeem' then 1 else 0 end                             as filled,
		              0 as codes, 0 as used
		       from   entries
		       where  wallet <> 'points' and day <= @day
		       union  all
		       select `+monthOf(tx, "c.day")+`, c.reward, 0, 0, 0, 1,
		              case when exists (select 1 from redemptions r where r.code_id = c.code_id and r.day <= @day) then 1 else 0 end
		       from   claims c
		       where  c.source = 'card' and c.state = 'done' and c.code_id is not null and c.day <= @day) e
		group  by month, card
		order  by month, `+plainOrder(tx, "card"), store.Args{"day": int64(day)})
	if err != nil {
		return nil, fmt.Errorf("what became of punch cards: %w", err)
	}
	return months, nil
}

// drawCards draws the stamps of each card in each month, and how many codes were given.
func drawCards(ask Ask, value any) string {
	c := plot.Columns{Title: "Stamps on punch cards by month", Says: "Stamps that were given on each card, above the line, and those that ended unused, below it, in each month, and as a line how many codes full cards gave, as of " + ask.Day.String() + "."}
	list := value.([]CardMonth)
	var cards []string
	for _, m := range list {
		if !slices.Contains(c.Labels, m.Month) {
			c.Labels = append(c.Labels, m.Month)
		}
	}
	slices.Sort(c.Labels)
	c.Labels = newest(c.Labels)
	for _, m := range list {
		if !slices.Contains(cards, m.Card) {
			cards = append(cards, m.Card)
		}
	}
	slices.Sort(cards)
	for _, card := range cards {
		c.Up = append(c.Up, plot.Series{Name: card, Values: make([]float64, len(c.Labels))})
	}
	ended, codes := plot.Series{Name: "ended", Values: make([]float64, len(c.Labels))}, plot.Series{Name: "codes", Values: make([]float64, len(c.Labels))}
	for _, m := range list {
		at := slices.Index(c.Labels, m.Month)
		if at < 0 {
			continue // longer ago than is drawn
		}
		c.Up[slices.Index(cards, m.Card)].Values[at] = float64(max(0, m.Stamps))
		ended.Values[at] += float64(m.Ended)
		codes.Values[at] += float64(m.Codes)
	}
	c.Down, c.Lines = []plot.Series{ended}, []plot.Series{codes}
	return ask.columns(c)
}
