package report

import (
	"context"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// Status is what an operator or a marketer wants to know first.
type Status struct {
	Now      loyalty.Instant `json:"now"`
	Version  string          `json:"version"` // of the program in force; "": none yet
	Members  int64           `json:"members"` // who joined
	Known    int64           `json:"known"`   // from an order only
	Runs     []Run           `json:"runs"`    // that are not over
	Waiting  []Waiting       `json:"waiting"` // mails that go singly, by campaign
	Holds    []Hold          `json:"holds"`
	Oldest   []Oldest        `json:"oldest"`   // of each queue
	Replicas []Replica       `json:"replicas"` // seen in the last minute
	Midnight Midnight        `json:"midnight"`
	Next     []Date          `json:"next"`    // dates to come
	Skipped  []Skip          `json:"skipped"` // dates of the last week that did not run
	Unready  []Unready       `json:"unready"` // whose rules cannot be answered yet
	Unknown  int64           `json:"unknown"` // mails whose outcome nobody knows
	Failed   []FailedJob     `json:"failed"`  // jobs of the last day
	Parked   []ParkedHooks   `json:"parked"`  // webhooks that wait for a person
	Shared   int64           `json:"shared"`  // people made of an address, card or phone that several others have

	Webhooks []outbox.Standing `json:"webhooks,omitempty"` // those who are told what happens

	Budget *Budget `json:"budget,omitempty"` // what points and rewards cost; nil: the program has none

	Warmup *Warmup `json:"warmup,omitempty"` // of a new sender; nil: there is no limit today

	Rates []RateWait `json:"rates,omitempty"` // mails that wait for the rate of their domain, most first

	Troubles []store.Trouble `json:"troubles"` // all that is amiss, by kind, and what to do
	Needs    []string        `json:"needs"`    // the same in words alone; empty: all is well

	Notes []string `json:"notes,omitempty"` // what somebody should know and nobody need do; the caller's to fill

	missing  []string        // the parts that could not be asked
	replicas []store.Replica // seen in the last minutes, what they see too
	empty    []string        // pools that should give codes and have none
	aside    []codesAside    // pools of which nobody knows what they have left
	setbacks []setback       // what failed and is set aside
	putOff   []setback       // campaigns of which some members wait
}

// Run is a run that is not over.
type Run struct {
	ID        int64           `json:"id"`
	Campaign  string          `json:"campaign"`
	State     string          `json:"state"`
	Because   string          `json:"because,omitempty"`
	Audience  int64           `json:"audience"`
	Pending   int64           `json:"pending"`
	Sent      int64           `json:"sent"`
	PerMinute int64           `json:"per_minute"` // hand-overs in the last minute
	StartedAt loyalty.Instant `json:"started_at"`
}

// Waiting is how many single mails of a campaign are due and not yet gone: those of
// flows and milestones, which belong to no run.
type Waiting struct {
	Campaign string `json:"campaign"`
	Mails    int64  `json:"mails"`
}

// Hold is something that a person stopped.
type Hold struct {
	What    string          `json:"what"`
	Because string          `json:"because"`
	By      string          `json:"by"`
	At      loyalty.Instant `json:"at"`
}

// Oldest is how long the oldest due row of a queue has been waiting.
type Oldest struct {
	Queue   string  `json:"queue"`
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"` // a try that came to nothing does not make it younger
}

// Replica is a running process.
type Replica struct {
	ID        string          `json:"id"`
	Version   string          `json:"version"`
	Roles     string          `json:"roles"`
	StartedAt loyalty.Instant `json:"started_at"`
	Ahead     float64         `json:"clock_ahead_seconds"` // of the database's clock
	Rate      string          `json:"rate,omitempty"`      // mails that its relay takes in a length of time
	Rationed  bool            `json:"rationed,omitempty"`  // … and mails wait for that
}

// Midnight is the last shop day that the nightly pass has brought facts and
// segments to, and when the facts were ready. Day is "" before the first.
type Midnight struct {
	Day        string          `json:"day"`
	FinishedAt loyalty.Instant `json:"finished_at"`
}

// Date is when a campaign starts next.
type Date struct {
	Campaign string          `json:"campaign"`
	At       loyalty.Instant `json:"at"`
	Zone     string          `json:"zone"`
}

// Skip is a date that was skipped, and why.
type Skip struct {
	Campaign string          `json:"campaign"`
	Key      string          `json:"key"`
	Reason   string          `json:"reason"`
	At       loyalty.Instant `json:"at"`
}

// Unready is a segment that stays as it was, or a live campaign that starts nobody
// and whose steps wait, because a rule cannot be answered yet.
type Unready struct {
	What    string `json:"what"` // segment dormant, campaign win-back
	Because string `json:"because"`
}

// FailedJob is a job that gave up.
type FailedJob struct {
	ID      int64  `json:"id"`
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
}

// ParkedHooks are deliveries of a system that were parked for the same reason.
type ParkedHooks struct {
	Source string `json:"source"`
	Reason string `json:"reason"`
	N      int64  `json:"deliveries"`
	First  int64  `json:"first"` // the id of one of them
}

// late is how long something may be due before a person should look. What a
// member waits for is late sooner.
const (
	late       = 15 * time.Minute
	lateUrgent = 2 * time.Minute
)

// lostFor is for how long what a replica said of itself is news after it was last
// seen.
const lostFor = 10 * time.Minute

// lateNight is how long after the last nightly pass the next one is overdue: a
// day of 25 hours, and some.
const lateNight = 27 * time.Hour

// Look reads the status.
func Look(tx *store.Tx) (Status, error) {
	s := begun(tx.At)
	for _, p := range append(slices.Clone(quick), slow...) {
		if err := p.read(s, tx); err != nil {
			return *s, err
		}
	}
	s.judge(false)
	return *s, nil
}

// partLimit is how long one part of the status may take: a table that somebody has
// locked must not keep the others from being told.
const partLimit = 3 * time.Second

// LookAt reads the status part by part, each in a transaction of its own that is
// bounded in time. What cannot be asked is a trouble, not an error.
func LookAt(ctx context.Context, db *store.DB) Status {
	return lookAt(ctx, db, append(slices.Clone(quick), slow...), false)
}

// LookForPage is LookAt for a page that need not know how many members there are: Known is
// 1 where there is anybody at all.
func LookForPage(ctx context.Context, db *store.DB) Status {
	parts := append(slices.Clone(quick), slow...)
	for i := range parts {
		if parts[i].name == theMembers {
			parts[i].read = (*Status).anybody
		}
	}
	return lookAt(ctx, db, parts, false)
}

// LookAtParts is LookAt for the parts of those names alone: what the others would count
// stays empty.
func LookAtParts(ctx context.Context, db *store.DB, names ...string) Status {
	parts := slices.DeleteFunc(append(slices.Clone(quick), slow...), func(p part) bool { return !slices.Contains(names, p.name) })
	return lookAt(ctx, db, parts, false)
}

// Glance is LookAt for what keeps Regulars from its work, whatever people have
// decided: what readiness and the doctor name beside their own. It reads narrow
// tables only.
func Glance(ctx context.Context, db *store.DB) []store.Trouble {
	return lookAt(ctx, db, quick, true).Troubles
}

// part is a part of the status.
type part struct {
	name string // what it is about, for a person
	read func(*Status, *store.Tx) error
}

var (
	quick = []part{
		{"what is held", (*Status).holds}, {"the queues", (*Status).oldest}, {"the replicas and the last night", (*Status).machines},
		{"rules that wait", (*Status).unready}, {"the pools of codes", (*Status).pools}, {"what is set aside", (*Status).setAside}, {"what waits since it failed", (*Status).somePutOff}, {"the webhooks", (*Status).webhooks},
	}
	slow = []part{
		{theMembers, (*Status).people}, {"the runs", (*Status).runs}, {"single mails", (*Status).waiting}, {"the dates", (*Status).dates},
		{"unknown mails and failed jobs", (*Status).trouble}, {"parked webhooks", (*Status).hooks}, {"the budget", (*Status).spending}, {"the warm-up", (*Status).warming}, {"rates of domains", (*Status).rated},
	}
)

const theMembers = "the members"

func begun(now loyalty.Instant) *Status {
	return &Status{Now: now, Troubles: []store.Trouble{}, Needs: []string{}, Runs: []Run{}, Waiting: []Waiting{}, Holds: []Hold{}, Oldest: []Oldest{},
		Replicas: []Replica{}, Next: []Date{}, Skipped: []Skip{}, Unready: []Unready{}, Failed: []FailedJob{}, Parked: []ParkedHooks{}}
}

func lookAt(ctx context.Context, db *store.DB, parts []part, machine bool) Status {
	s := begun(loyalty.At(db.Now()))
	if t, ok := unasked(ctx, db); !ok {
		for _, p := range parts {
			s.missing = append(s.missing, p.name)
		}
		s.add(t)
		return *s
	}
	for _, p := range parts {
		err := limited(ctx, db, func(tx *store.Tx) error { return p.read(s, tx) })
		if err != nil {
			s.missing = append(s.missing, p.name)
			s.add(cannotAsk(p.name, err))
		}
	}
	s.judge(machine)
	s.disk(db)
	return *s
}

// Told reports whether a part of the status could be asked.
func (s *Status) Told(part string) bool { return !slices.Contains(s.missing, part) }

func limited(ctx context.Context, db *store.DB, f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	return db.View(ctx, f)
}

func (s *Status) people(tx *store.Tx) error {
	var row struct{ Members, Known int64 }
	err := tx.One(&row, `
		select count(joined_day) as members, count(*) - count(joined_day) as known
		from   members where merged_into is null and erased_at is null`, nil)
	if err != nil {
		return err
	}
	s.Members, s.Known = row.Members, row.Known
	s.Version, err = tx.Setting(store.SettingVersion)
	return store.IgnoreNotFound(err)
}

func (s *Status) anybody(tx *store.Tx) (err error) {
	err = tx.One(&s.Known, "select count(*) from (select 1 from members where merged_into is null and erased_at is null limit 1) m", nil)
	if err == nil {
		s.Version, err = tx.Setting(store.SettingVersion)
	}
	return store.IgnoreNotFound(err)
}

func (s *Status) runs(tx *store.Tx) error {
	s.Runs = []Run{}
	if err := tx.AboutEverybody(); err != nil {
		return err
	}
	return tx.All(&s.Runs, `
		select r.id, c.name as campaign, r.state, r.because, r.audience, r.started_at,
		       coalesce(k.pending, 0) as pending, coalesce(k.sent, 0) as sent, (`+perMinute+`) as per_minute
		from   runs r
		join   campaigns c on c.id = r.campaign_id
		left   join (`+runCounts+`(select id from runs where state in ('sending', 'paused')) group by run_id) k on k.run_id = r.id
		where  r.state in ('sending', 'paused')
		order  by r.id`, store.Args{"minute_ago": tx.At.Plus(-time.Minute)})
}

func (s *Status) waiting(tx *store.Tx) error {
	s.Waiting = []Waiting{}
	return tx.All(&s.Waiting, `
		select c.name as campaign, count(*) as mails
		from   due d
		join   sends s on s.id = d.send_id
		join   campaigns c on c.id = s.campaign_id
		where  d.not_before <= @now and s.run_id is null
		group  by c.name
		order  by count(*) desc, c.name
		limit  20`, store.Args{"now": tx.At})
}

func (s *Status) holds(tx *store.Tx) error {
	s.Holds = []Hold{}
	return tx.All(&s.Holds, `
		select coalesce('campaign ' || c.name, case h.scope when 'offers' then 'all offers' when 'unsure' then 'bulk mails and offers' else 'everything' end) as what,
		       h.because, h.by_whom as by, h.at
		from   holds h
		left   join campaigns c on h.scope = 'campaign:' || c.id
		order  by h.at`, nil)
}

// queues are those that Oldest always names, also when nothing of them is due.
func queues() []string { return []string{"urgent", "bulk", "runs", "passages", "jobs"} }

// oldest reads how long each queue has been waiting. What a person holds waits
// by their wish, and is left out.
func (s *Status) oldest(tx *store.Tx) error {
	held := func(_, _, _ string) string { return "true" }
	if len(s.Holds) > 0 {
		held = func(campaign, class, bulk string) string {
			return `not exists (select 1 from holds h where h.scope = 'all' or h.scope = 'campaign:' || ` + campaign +
				` or h.scope in ('offers', 'unsure') and ` + class + ` = 'offer' or h.scope = 'unsure' and ` + bulk + `)`
		}
	}
	var rows []struct {
		Queue string
		Rows  int64
		First loyalty.Instant
	}
	err := tx.All(&rows, `
		select d.lane as queue, count(*) as rows, min(d.not_before) as first
		from   due d join sends s on s.id = d.send_id
		where  d.not_before <= @now and (d.retry_at is null or d.retry_at <= `+tx.Machine()+` or s.state = 'queued') and `+held("s.campaign_id", "s.class", "s.run_id is not null")+`
		group  by d.lane
		union all
		select 'runs', count(*), min(k.not_before)
		from   chunks k join runs r on r.id = k.run_id and r.state = 'sending'
		where  not k.done and k.not_before <= @now and `+held("r.campaign_id", "r.class", "true")+`
		and    not exists (select 1 from chunks w where w.run_id = k.run_id and w.lease_until > `+tx.Machine()+`) -- somebody is at it
		union all
		select 'passages', count(*), min(p.wake_at) from passages p where p.wake_at <= @now and `+held("p.campaign_id", "''", "false")+`
		union all
		select 'jobs', count(*), min(run_at) from jobs where state = 'queued' and run_at <= @now`, store.Args{"now": tx.At})
	s.Oldest = []Oldest{}
	for _, queue := range queues() {
		o := Oldest{Queue: queue}
		for _, r := range rows {
			if r.Queue == queue && r.Rows > 0 {
				o.Rows, o.Seconds = r.Rows, s.Now.Sub(r.First.Time).Seconds()
			}
		}
		s.Oldest = append(s.Oldest, o)
	}
	return err
}

func (s *Status) machines(tx *store.Tx) error {
	all, err := store.Replicas(tx, lostFor)
	if err != nil {
		return err
	}
	s.Replicas, s.replicas = []Replica{}, all
	for _, r := range all {
		if r.Unseen < time.Minute && r.Roles != "" {
			s.Replicas = append(s.Replicas, Replica{r.ID, r.Version, r.Roles, r.StartedAt, r.Ahead.Seconds(), r.Rate, r.Rationed})
		}
	}
	var last []struct {
		Day        loyalty.Day
		FinishedAt loyalty.Instant
	}
	err = tx.All(&last, `
		select p.day, p.finished_at
		from   passes p
		where  p.name = 'facts' and p.finished_at is not null
		and    not exists (select 1 from segments s where s.removed_at is null and s.as_of_day < p.day)
		order  by p.day desc
		limit  1`, nil)
	if len(last) == 1 {
		s.Midnight = Midnight{last[0].Day.String(), last[0].FinishedAt}
	}
	return err
}

func (s *Status) dates(tx *store.Tx) error {
	s.Next, s.Skipped = []Date{}, []Skip{}
	err := tx.All(&s.Next, `
		select c.name as campaign, t.next_at as at, t.zone
		from   timetable t join campaigns c on c.id = t.campaign_id
		where  c.live and c.removed_at is null and t.next_at is not null
		order  by t.next_at, c.name limit 10`, nil)
	if err != nil {
		return err
	}
	return tx.All(&s.Skipped, `
		select c.name as campaign, o.key, o.reason, o.at
		from   occurrences o join campaigns c on c.id = o.campaign_id
		where  o.decision = 'skipped' and o.at > @week_ago
		order  by o.at desc limit 20`, store.Args{"week_ago": tx.At.Plus(-7 * 24 * time.Hour)})
}

func (s *Status) unready(tx *store.Tx) error {
	s.Unready = []Unready{}
	return tx.All(&s.Unready, `
		select 'segment ' || name as what, because from segments where removed_at is null and failed_day is not null
		union all
		select 'campaign ' || name, unready from campaigns where live and removed_at is null and unready <> ''
		order  by 1 desc`, nil)
}

// pools finds those that have given their last code and make none by themselves: they
// come from outside, or the shop has to be told of them first.
func (s *Status) pools(tx *store.Tx) error {
	s.empty = nil
	err := tx.All(&s.empty, `
		select p.name
		from   pools p
		where  p.removed_at is null
		and   (p.kind = 'imported' or p.kind = 'generated' and p.spec ->> 'Checkout' = 'file')
		and    exists (select 1 from campaigns c where c.live and c.removed_at is null)
		and    p.given + coalesce((select sum(m.given) from pool_moves m where m.pool_id = p.id), 0) > 0
		and    not exists (select 1 from codes k where k.pool_id = p.id and k.member_id is null and k.state = 'aside')
		and    not exists (select 1 from codes k where k.pool_id = p.id and k.member_id is null and k.state = 'free' and (p.kind = 'imported' or k.known_at is not null))
		order  by p.name`, nil)
	if err != nil {
		return err
	}
	s.aside = nil
	return tx.All(&s.aside, `
		select p.name as pool, count(*) as codes
		from   codes k join pools p on p.id = k.pool_id
		where  k.member_id is null and k.state = 'aside' and k.id not in (select code_id from promises)
		group  by p.name
		order  by p.name`, nil)
}

func (s *Status) trouble(tx *store.Tx) error {
	err := tx.One(&s.Unknown, "select cast(coalesce(sum(n), 0) as bigint) from counted where state = 'unknown'", nil)
	if err != nil {
		return err
	}
	if err := tx.One(&s.Shared, "select count(*) from member_keys where kind = 'shared'", nil); err != nil {
		return err
	}
	s.Failed = []FailedJob{}
	return tx.All(&s.Failed, "select id, kind, outcome from jobs where state = 'failed' and finished_at > @day_ago order by id desc limit 20",
		store.Args{"day_ago": tx.At.Plus(-24 * time.Hour)})
}

// mostParked is how many reasons of parked webhooks are told.
const mostParked = 10

func (s *Status) hooks(tx *store.Tx) error {
	s.Parked = []ParkedHooks{}
	return tx.All(&s.Parked, `
		select source, reason, count(*) as n, min(id) as first from hooks
		where  state = 'parked'
		group  by source, reason
		order  by first limit @most`, store.Args{"most": mostParked})
}

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
