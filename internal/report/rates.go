package report

import "regulars/internal/store"

// RateWait is how many mails wait for the rate of a domain of recipients.
type RateWait struct {
	Domain string `json:"domain"`
	Mails  int64  `json:"mails"`
	More   bool   `json:"more,omitempty"` // at least so many: nobody counted further
}

// mostRated is how many mails that wait are counted.
const mostRated = 100_000

// rated counts the mails that wait for their domain's rate, those of the most first.
func (s *Status) rated(tx *store.Tx) error {
	s.Rates = nil
	err := tx.All(&s.Rates, `
		select w.waits_for as domain, count(*) as mails
		from  (select waits_for from due where waits_for is not null limit @most) w
		group  by w.waits_for
		order  by count(*) desc, w.waits_for
		limit  10`, store.Args{"most": mostRated})
	sum := int64(0)
	for _, r := range s.Rates {
		sum += r.Mails
	}
	for i := range s.Rates {
		s.Rates[i].More = sum == mostRated
	}
	return err
}
