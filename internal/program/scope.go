package program

import "regulars/segments"

// Scope is what a rule may read that stands outside of campaigns: one that a
// person types, say.
func (p *Program) Scope() segments.Scope {
	s := segments.Scope{Currency: p.Currency, Lifecycle: p.Lifecycle, Attributes: p.Attributes, Segments: map[string]string{},
		AllPools: []string{}, Campaigns: []string{}, FavouritesExcept: p.FavouritesExcept}
	for _, segment := range p.Segments {
		s.Segments[segment.Name] = segment.Rule.Text()
	}
	for _, pool := range p.Pools {
		s.AllPools = append(s.AllPools, pool.Name)
	}
	for _, c := range p.Campaigns {
		s.Campaigns = append(s.Campaigns, c.Name)
	}
	return s
}
