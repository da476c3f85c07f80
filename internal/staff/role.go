package staff

import (
	"fmt"
	"slices"
	"strings"
)

// Role is what somebody may do. Each may do what the ones before it may.
type Role string

// The roles. Viewers see figures, and no member's name or address; marketers see
// members and help them; launchers decide what goes out; admins decide who may come in.
const (
	Nobody   Role = "" // has not signed in
	Viewer   Role = "viewer"
	Marketer Role = "marketer"
	Launcher Role = "launcher"
	Admin    Role = "admin"
)

// Roles are those that a user can have.
var Roles = []Role{Viewer, Marketer, Launcher, Admin}

// ReadRole reads the name of a role.
func ReadRole(text string) (Role, error) {
	if r := Role(strings.ToLower(strings.TrimSpace(text))); slices.Contains(Roles, r) {
		return r, nil
	}
	return Nobody, fmt.Errorf("there is no role %q: there are viewer, marketer, launcher and admin", text)
}

// May reports whether the role includes another one.
func (r Role) May(needed Role) bool {
	return needed == Nobody || slices.Index(Roles, r) >= slices.Index(Roles, needed)
}
