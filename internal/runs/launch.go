package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/occurrence"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// LaunchRequest is a start of a campaign by hand, by a job or through the API.
type LaunchRequest struct {
	Campaign string
	Values   map[string]string // launch.… as text
	Limit    int               // at most so many mails; 0: all
	Key      string            // names the launch; "": one launch with these values per day
	By       string
}

// Audience says who gets a run's mail and who does not.
type Audience struct {
	Mailed  int64            `json:"mailed"`
	LeftOut map[string]int64 `json:"left_out"` // reason → members of the segment
	Pool    string           `json:"pool,omitempty"`
	Codes   int64            `json:"codes"` // that it takes from the pool
	Stock   int64            `json:"stock"` // codes that the pool could give before; -1: as many as needed

	Capped     int64 `json:"capped,omitempty"`      // of those mailed: who have reached a cap by now
	CappedWait bool  `json:"capped_wait,omitempty"` // their mail waits; false: it is skipped

	Gives    string `json:"gives,omitempty"`    // what a code is good for, in words
	Cost     int64  `json:"cost,omitempty"`     // of all codes if all are used, minor units; 0: depends on the orders
	Budget   int64  `json:"budget,omitempty"`   // of the pool, minor units; 0: no limit
	Currency string `json:"currency,omitempty"` // of Cost and Budget
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

// runsBefore are the runs that are being sent and began before one.
func runsBefore(tx *store.Tx, run int64) (before []Ahead, err error) {
	err = tx.All(&before, `
		select r.id as run, c.name as campaign, count(*) as mails
		from   runs r join campaigns c on c.id = r.campaign_id join sends s on s.run_id = r.id
		where  r.id < @run and r.state = 'sending' and s.state in ('queued', 'claimed', 'handing')
		and    exists (select 1 from chunks k where k.run_id = r.id and k.lo <= s.id and k.hi >= s.id and k.not_before <= @now)
		and    not exists (select 1 from holds h where h.scope = 'all' or h.scope = 'campaign:' || r.campaign_id or h.scope = 'offers' and r.class = 'offer')
		group  by r.id, c.name
		order  by r.id`, store.Args{"run": run, "now": tx.At})
	return before, err
}

// Mistake says what is wrong with a launch, in words for the person who did it.
type Mistake struct{ Text string }

func (m *Mistake) Error() string { return m.Text }

// ErrLaunched says that the same launch was done today already.
var ErrLaunched = errors.New("it was launched with the same values today already; give the launch a key of its own (--key, or key=…) to do it again")

// Launch starts a campaign of start {launch: …}. With a key it is safe to repeat:
// the second time returns what the first began. Without one a second launch with
// the same values on one day is ErrLaunched. What is wrong is a *Mistake; with
// fewer codes than mails the error is a *coupon.Short. After any error the
// transaction must not last.
func Launch(tx *store.Tx, r LaunchRequest) (Launched, error) {
	v, f, err := prepare(tx, r)
	if err != nil {
		return Launched{}, err
	}
	before := Audience{}
	if err := before.draw(tx, v, f.c.Steps[0].Coupon); err != nil {
		return Launched{}, err
	}
	o, err := freezeAudience(tx, v, f)
	if err != nil {
		return Launched{}, fmt.Errorf("launching %s: %w", r.Campaign, err)
	}
	before.Mailed, before.LeftOut = o.audience.Mailed, o.audience.LeftOut
	before.count(o.audience.Codes)
	before.CappedWait = f.c.Capped.Defer > 0
	before.Capped, err = capped(tx, v, f.c, "select s.member_id from sends s where s.run_id = @run and s.reason = ''", store.Args{"run": o.run})
	if err != nil {
		return Launched{}, err
	}
	switch {
	case !o.fresh && r.Key == "":
		return Launched{}, fmt.Errorf("launching %s: %w", r.Campaign, ErrLaunched)
	case !o.fresh:
		return again(tx, o.occurrence)
	}
	first, err := runsBefore(tx, o.run)
	return Launched{Occurrence: o.occurrence, Run: o.run, Audience: before, Ahead: first}, err
}

// again returns what an earlier launch began.
func again(tx *store.Tx, occurrence int64) (Launched, error) {
	l := Launched{Occurrence: occurrence, Again: true}
	err := tx.One(&l.Run, "select id from runs where occurrence_id = @id", store.Args{"id": occurrence})
	if errors.Is(err, store.ErrNotFound) {
		return l, nil
	}
	if err == nil {
		l.Audience, err = countRun(tx, l.Run)
	}
	return l, err
}

// PreviewLaunch says whom a launch would mail and whom not. It writes nothing.
func PreviewLaunch(tx *store.Tx, r LaunchRequest) (Audience, error) {
	v, f, err := prepare(tx, r)
	if err != nil {
		return Audience{}, err
	}
	if r.Key == "" {
		_, err := occurrence.ID(tx, f.c.ID, f.key)
		if err == nil {
			return Audience{}, fmt.Errorf("launching %s: %w", r.Campaign, ErrLaunched)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return Audience{}, err
		}
	}
	return f.preview(tx, v)
}

func (f start) preview(tx *store.Tx, v *versions.Version) (Audience, error) {
	step := f.c.Steps[0]
	q := rules.Ask(tx, v.Day(tx.At), store.Args{"campaign": f.c.ID, "day": int64(v.Day(tx.At))})
	var rows []count
	err := q.All(&rows, "select a.reason, count(*) as n from ("+f.audience(v, q, step)+") a group by a.reason")
	if err != nil {
		return Audience{}, fmt.Errorf("counting the audience of %s: %w", f.c.Name, err)
	}
	a := audienceOf(rows)
	a.CappedWait = f.c.Capped.Defer > 0
	if a.Capped, err = capped(tx, v, f.c, "select a.member_id from ("+f.audience(v, q, step)+") a where a.reason = ''", q.Args); err != nil {
		return Audience{}, err
	}
	if step.Coupon == "" {
		return a, nil
	}
	err = a.draw(tx, v, step.Coupon)
	a.count(a.Mailed)
	return a, err
}

// draw says of the pool that a launch gives codes of what it gives and how many
// there are; "" is no pool. Cost is that of one code until they are counted.
func (a *Audience) draw(tx *store.Tx, v *versions.Version, pool string) error {
	if pool == "" {
		return nil
	}
	pools, err := coupon.Statuses(tx, v.Day(tx.At))
	for _, p := range pools {
		if p.Name == pool {
			a.Pool, a.Stock, a.Gives, a.Cost, a.Budget, a.Currency = pool, p.Left, p.Gives(v.Program.Currency), p.Cost(), p.Budget, v.Program.Currency
		}
	}
	return err
}

// count says how many codes are given.
func (a *Audience) count(codes int64) { a.Codes, a.Cost = codes, a.Cost*codes }

// CheckLaunch says what would be wrong with a launch now, without starting it.
func CheckLaunch(tx *store.Tx, r LaunchRequest) error {
	_, _, err := prepare(tx, r)
	return err
}

// prepare checks a request and turns it into a start.
func prepare(tx *store.Tx, r LaunchRequest) (*versions.Version, start, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, start{}, err
	}
	c, err := v.Campaign(r.Campaign)
	if err == nil && c.Broken != nil {
		err = c.Broken
	}
	if err != nil {
		return nil, start{}, err
	}
	switch {
	case r.Limit < 0:
		return nil, start{}, &Mistake{"a limit is a number of mails from 1 on"}
	case c.Start.Kind != "launch":
		return nil, start{}, &Mistake{fmt.Sprintf("%s starts by itself (%s); only a campaign with start: {launch: …} is launched", c.Name, c.Start.Kind)}
	case c.Since.IsZero():
		return nil, start{}, &Mistake{fmt.Sprintf("%s is a draft: set live: true and apply the program", c.Name)}
	}
	values, err := launched(c, r.Values, v.Program.Currency)
	if err != nil {
		return nil, start{}, err
	}
	day := v.Day(tx.At)
	return v, start{c: c, key: r.key(day), day: day, values: values, by: r.By, limit: r.Limit}, nil
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

// launched reads the values that a campaign is launched with.
func launched(c *versions.Campaign, given map[string]string, currency string) (map[string]any, error) {
	values := map[string]any{}
	names := slices.Sorted(maps.Keys(c.Start.Launch))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := c.Start.Launch[name]; !known {
			return nil, &Mistake{fmt.Sprintf("%s has no value %q; it takes %s", c.Name, name, orNothing(names))}
		}
	}
	for _, name := range names {
		text, ok := given[name]
		if !ok {
			return nil, &Mistake{fmt.Sprintf("%s needs a value for %s: %s=…", c.Name, name, name)}
		}
		v, err := launchValue(text, c.Start.Launch[name], slices.Contains(c.Start.Links, name), currency)
		if err != nil {
			return nil, &Mistake{fmt.Sprintf("%s=%s: %s", name, text, err)}
		}
		values[name] = v
	}
	return values, nil
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// listOf reads a list: its items with commas between them, blanks around them left
// out.
func listOf(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return []string{}, nil
	}
	list := strings.Split(text, ",")
	for i, item := range list {
		if list[i] = strings.TrimSpace(item); list[i] == "" {
			return nil, errors.New("an item of the list is empty: it is like a, b, c")
		}
	}
	return list, nil
}

// launchValue reads one value as rules and mails take it. A date stays text.
func launchValue(text string, t segments.Type, link bool, currency string) (any, error) {
	switch t {
	case segments.Money:
		return loyalty.ParseMoney(text, currency)
	case segments.Number:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, errors.New("it is not a number")
		}
		return n, nil
	case segments.Date:
		d, err := loyalty.ParseDay(text)
		return d.String(), err
	case segments.List:
		return listOf(text)
	}
	if link {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("it is not a web address like https://shop.example")
		}
	}
	return text, nil
}

// many reports whether a start is one for a whole segment.
func ForMany(kind string) bool { return kind == "at" || kind == "every" || kind == "launch" }
