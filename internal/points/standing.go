package points

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// CardLine is a punch card as it stands for a member.
type CardLine struct {
	Card   string `json:"card"`
	Stamps int64  `json:"stamps"` // on the present card; below 0: more were taken back than there were
	Of     int64  `json:"of"`     // so many fill it

	Gives string `json:"-"` // its pool
}

// Cards are the program's punch cards as they stand for a member today.
func (r *Rules) Cards(tx *store.Tx, member int64) ([]CardLine, error) {
	l, err := r.now().Loyalty()
	if err != nil || l == nil || len(l.Cards) == 0 {
		return nil, err
	}
	keys := make([]walletKey, len(l.Cards))
	for i, c := range l.Cards {
		keys[i] = walletKey{member, c.Name}
	}
	b, err := r.open(tx, keys, nil)
	if err != nil {
		return nil, fmt.Errorf("the cards of member %d: %w", member, err)
	}
	b.settle()
	var cards []CardLine
	for i, c := range l.Cards {
		cards = append(cards, b.card(keys[i], c))
	}
	return cards, nil
}

// cardLine is one card as it stands for a member today.
func (r *Rules) cardLine(tx *store.Tx, key walletKey, c program.Card) (CardLine, error) {
	b, err := r.open(tx, []walletKey{key}, nil)
	if err != nil {
		return CardLine{}, fmt.Errorf("the card %s of member %d: %w", c.Name, key.member, err)
	}
	b.settle()
	return b.card(key, c), nil
}

func (b *books) card(key walletKey, c program.Card) CardLine {
	w := b.wallets[key]
	line := CardLine{Card: c.Name, Of: c.Full, Gives: c.Gives, Stamps: openOf(w.lots, b.today)}
	for _, d := range w.debts {
		line.Stamps -= d.Rest
	}
	return line
}

// openOf is how much of lots can be spent on a day.
func openOf(lots []*loyalty.Lot, day loyalty.Day) (n int64) {
	for _, l := range lots {
		if l.Open(day) {
			n += l.Remains
		}
	}
	return n
}
