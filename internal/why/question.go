package why

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Line is one link of the chain between a member and a mail. OK says that it does
// not stand in the way.
type Line struct {
	About string `json:"about"` // campaign, hold, member, start, where, for, except, if, again, holdout, consent, address, cap, quiet, run, passage, mail
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
}

// question is one of why: one member, one campaign.
type question struct {
	tx     *store.Tx
	v      *versions.Version
	c      *versions.Campaign
	member person
	day    loyalty.Day // 0: any
	lines  []Line

	causes  []cause
	several bool // starts are told of, so that a line names its own
}

// person is what a chain needs of a member.
type person struct {
	ID                                       int64
	Email, TimeZone                          string
	EmailKey                                 []byte
	JoinedAt, CreatedAt, ChangedAt, ErasedAt loyalty.Instant
	JoinedDay, BirthMonth, BirthDate         *int64
	Merged                                   bool
	Filed                                    bool // stood in a file that was imported
}

func (a *question) say(about string, ok bool, format string, args ...any) {
	a.lines = append(a.lines, Line{about, ok, fmt.Sprintf(format, args...)})
}

// at writes a moment as the shop's clocks show it.
func (a *question) at(t loyalty.Instant) string {
	return t.In(a.v.Program.Zone).Format("2006-01-02 15:04")
}

// cause is something that could have started the campaign for the member and
// began nothing. The zero cause is a start that may still come.
type cause struct {
	what       string // the event of 2027-03-08 10:00, the run of 2027-03-08
	at         loyalty.Instant
	day        loyalty.Day
	rules      *versions.Campaign // as it was then; nil: as it is
	occurrence int64
	limit      string // how a launch was limited; "": it was not
	run        bool   // a whole segment starts at once, and its rows in the ledger say who had it before
	launch     map[string]any
	event      map[string]any
	order      *segments.Order
}

// began reports whether a passage of the campaign began for the member.
func (a *question) began(where string, args store.Args) (bool, error) {
	args["member"], args["campaign"] = a.member.ID, a.c.ID
	var n int
	err := a.tx.One(&n, "select count(*) from passages where member_id = @member and campaign_id = @campaign and "+where, args)
	return n > 0, err
}
