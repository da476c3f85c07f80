package loyalty

import "time"

// After is the day that lies a period after d. The end of a shorter month stands for
// its missing days.
func (p Period) After(d Day) Day {
	if p.Months == 0 {
		return d + Day(p.Days)
	}
	y, m, date := d.Civil()
	return inMonth(y, m+time.Month(p.Months), date) + Day(p.Days)
}

// inMonth is a date of a month, or the month's last where it has no such day.
func inMonth(y int, m time.Month, date int) Day {
	return min(Date(y, m, date), Date(y, m+1, 0))
}

// LastDay is the last day on which points can be spent that open on a day, of a member
// who was last active on another; 0: they have no end.
func (e Expiry) LastDay(opens, active Day) Day {
	switch {
	case e.After != Period{}:
		d := e.After.After(opens)
		y, m, _ := d.Civil()
		switch e.Round {
		case "month":
			d = Date(y, m+1, 0)
		case "year":
			d = Date(y, time.December, 31)
		}
		return d
	case e.Unused != Period{}:
		return e.Unused.After(max(opens, active))
	case e.Month != 0:
		y, _, _ := opens.Civil()
		for {
			d := inMonth(y, time.Month(e.Month), e.Date)
			if d >= opens && (e.Grace == Period{} || e.Grace.After(opens) <= d) {
				return d
			}
			y++
		}
	}
	return 0
}

// LastDayOf is LastDay of a member by all the days on which they were active, in order: what
// ends by inactivity is moved by what the member did until its last day, and by nothing that
// they did after it.
func (e Expiry) LastDayOf(opens Day, active []Day) Day {
	last := e.LastDay(opens, 0)
	if e.Unused == (Period{}) {
		return last
	}
	for _, day := range active {
		if day > last {
			break
		}
		last = e.LastDay(opens, day)
	}
	return last
}

// Before is the day that lies a period before d.
func (p Period) Before(d Day) Day { return Period{-p.Days, -p.Months}.After(d) }
