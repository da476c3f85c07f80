package person

// Listed are the tables of members with the part of a document that has each; "-": none.
func Listed() map[string]string {
	all := map[string]string{}
	for _, t := range tables {
		all[t.name] = t.export
	}
	return all
}

// OtherwiseListed reports whether something is said of a table that has no column for a
// member.
func OtherwiseListed(name string) bool { return notOfMembers[name] != "" }
