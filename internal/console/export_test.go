package console

import (
	"regulars/internal/staff"
	"regulars/internal/store"
)

// Needs returns each pattern of the console and the least role that it needs.
func (c *Console) Needs() map[string]staff.Role {
	needs := map[string]staff.Role{}
	for _, r := range c.routes() {
		needs[r.pattern] = r.role
	}
	return needs
}

// Helps is where a trouble of the first page leads to, and what the button there says.
func (c *Console) Helps(t store.Trouble, admin bool) (link, button string) {
	n := c.need(t, admin, admin)
	return n.Link, n.Button
}

// Coded is how words with code in them stand in a page.
var Coded = coded
