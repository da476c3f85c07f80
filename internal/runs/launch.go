package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// LaunchRequest is a start of a campaign by hand, by a job or through the API.
type LaunchRequest struct {
	Campaign string
	Values   map[string]string // launch.… as text
	Limit    int               // at most so many mails; 0: all
	Key      string            // names the launch; "": one launch with these values per day
	By       string
}

// Launched is what a launch began.
type Launched struct {
	Occurrence int64    `json:"occurrence"`
	Run        int64    `json:"run"`   // 0: the campaign does not begin with a mail, so each member has a passage
	Again      bool     `json:"again"` // the key was used before: this is what it began then
	Audience   Audience `json:"audience"`
	Ahead      []Ahead  `json:"ahead,omitempty"` // runs whose mails go before its own
}

// Ahead is a run that goes before another: runs are sent one after the other.
type Ahead struct {
	Run      int64  `json:"run"`
	Campaign string `json:"campaign"`
	Mails    int64  `json:"mails"` // not yet sent
}

// ErrLaunched says that the same launch was done today already.
var ErrLaunched = errors.New("it was launched with the same values today already; give the launch a key of its own (--key, or key=…) to do it again")

// Launch starts a campaign of start {launch: …}. With a key it is safe to repeat:
// the second time returns what the first began. Without one a second launch with
// the same values on one day is ErrLaunched. What is wrong is a *Mistake; with
// fewer codes than mails the error is a *coupon.Short. After any error the
// transaction must not last.
func Launch(tx *store.Tx, r LaunchRequest) (l Launched, err error) {
	t, s, err := prepare(tx, r)
	if err != nil {
		return l, err
	}
	if err := l.Audience.stock(t); err != nil { // before it gives any
		return l, err
	}
	f, err := freeze(t, s)
	switch {
	case err == nil && !f.fresh && r.Key == "":
		err = ErrLaunched
	case err == nil && !f.fresh:
		return again(tx, f.occurrence)
	}
	if err != nil {
		return Launched{}, fmt.Errorf("launching %s: %w", r.Campaign, err)
	}
	l.Occurrence, l.Run = f.occurrence, f.run
	l.Audience.Mailed, l.Audience.LeftOut = f.audience.Mailed, f.audience.LeftOut
	l.Audience.spend(f.audience.Codes)
	args := store.Args{"run": f.run, "now": tx.At}
	if err := l.Audience.capped(t, "select s.member_id from sends s where s.run_id = @run and s.reason = ''", args); err != nil {
		return Launched{}, err
	}
	err = tx.All(&l.Ahead, `
		select run, campaign, mails
		from  (select r.id as run, c.name as campaign, -- by the index of each run, not with all sends there are
		             (select count(*) from sends s
		              where  s.run_id = r.id and s.state in ('queued', 'claimed', 'handing')
		              and    exists (select 1 from chunks k where k.run_id = r.id and k.lo <= s.id and k.hi >= s.id and k.not_before <= @now)) as mails
		       from   runs r join campaigns c on c.id = r.campaign_id
		       where  r.id < @run and r.state = 'sending'
		       and    not exists (select 1 from holds h where h.scope = 'all' or h.scope = 'campaign:' || r.campaign_id or h.scope = 'offers' and r.class = 'offer')) a
		where  mails > 0
		order  by run`, args)
	return l, err
}

// again returns what an earlier launch began.
func again(tx *store.Tx, occurrence int64) (Launched, error) {
	l := Launched{Occurrence: occurrence, Again: true}
	err := tx.One(&l.Run, "select id from runs where occurrence_id = @id", store.Args{"id": occurrence})
	if err != nil {
		return l, store.IgnoreNotFound(err)
	}
	return l, l.Audience.countRun(tx, l.Run)
}

// PreviewLaunch says whom a launch would mail and whom not. It writes nothing.
func PreviewLaunch(tx *store.Tx, r LaunchRequest) (a Audience, err error) {
	t, s, err := prepare(tx, r)
	if err != nil {
		return a, err
	}
	if r.Key == "" {
		switch _, err := occurrence.ID(tx, t.ID, s.key); {
		case err == nil:
			return a, fmt.Errorf("launching %s: %w", r.Campaign, ErrLaunched)
		case !errors.Is(err, store.ErrNotFound):
			return a, err
		}
	}
	q := rules.Ask(tx, s.day, store.Args{"campaign": t.ID, "day": int64(s.day)})
	var rows []tally
	if err := q.All(&rows, "select a.reason, count(*) as n from ("+s.audience(t, q, t.C.Steps[0])+") a group by a.reason"); err != nil {
		return a, fmt.Errorf("counting the audience of %s: %w", t.C.Name, err)
	}
	a.count(byReason(rows))
	if err := a.capped(t, "select a.member_id from ("+s.audience(t, q, t.C.Steps[0])+") a where a.reason = ''", q.Args); err != nil {
		return a, err
	}
	if err := a.stock(t); err != nil || t.C.Steps[0].Coupon == "" {
		return a, err
	}
	a.spend(a.Mailed)
	return a, nil
}

// CheckLaunch says what would be wrong with a launch now, without starting it.
func CheckLaunch(tx *store.Tx, r LaunchRequest) error {
	_, _, err := prepare(tx, r)
	return err
}

// prepare checks a request and turns it into a start.
func prepare(tx *store.Tx, r LaunchRequest) (t isolation.Turn, s start, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return t, s, err
	}
	c, err := v.Campaign(r.Campaign)
	if err == nil {
		err = c.Broken
	}
	if err != nil {
		return t, s, err
	}
	switch {
	case r.Limit < 0:
		return t, s, &Mistake{"a limit is a number of mails from 1 on"}
	case c.Start.Kind != "launch":
		return t, s, &Mistake{fmt.Sprintf("%s starts by itself (%s); only a campaign with start: {launch: …} is launched", c.Name, c.Start.Kind)}
	case c.Since.IsZero():
		return t, s, &Mistake{fmt.Sprintf("%s is a draft: set live: true and apply the program", c.Name)}
	}
	values, err := ReadValues(c, r.Values, v.Program.Currency)
	if err != nil {
		return t, s, err
	}
	day := v.Day(tx.At)
	return isolation.Turn{Tx: tx, V: v, ID: c.ID, C: c}, start{key: r.key(day), day: day, values: values, by: r.By, limit: r.Limit}, nil
}

// key names the occurrence of a launch.
func (r LaunchRequest) key(day loyalty.Day) string {
	if r.Key != "" {
		return "launch:" + r.Key
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		fmt.Fprintf(h, "%d %s=%d %s\n", len(name), name, len(r.Values[name]), r.Values[name])
	}
	return "launch:" + day.String() + ":" + hex.EncodeToString(h.Sum(nil)[:6])
}
