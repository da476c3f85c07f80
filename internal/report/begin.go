package report

// FirstSteps are the commands with which a shop that has nothing yet goes on; none
// once it has a program and somebody in it.
func (s Status) FirstSteps() (commands []string) {
	if s.Version == "" {
		commands = append(commands, "regulars init program", "regulars check program", "regulars apply program")
	}
	if s.Members == 0 && s.Known == 0 {
		commands = append(commands,
			`regulars import members members.csv --consent offers,newsletter --consent-source "old list" --consent-at 2026-01-01`,
			"regulars import orders orders.csv")
	}
	return commands
}
