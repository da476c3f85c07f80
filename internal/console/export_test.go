package console

import "regulars/internal/staff"

// Needs returns each pattern of the console and the least role that it needs.
func (c *Console) Needs() map[string]staff.Role {
	needs := map[string]staff.Role{}
	for _, r := range c.routes() {
		needs[r.pattern] = r.role
	}
	return needs
}

// Coded is how words with code in them stand in a page.
var Coded = coded
