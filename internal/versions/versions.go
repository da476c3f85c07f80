// Package versions keeps the programs that were applied and knows the one in force:
// its campaigns and segments, each with its row, whose id outlives versions and names.
//
// It promises that a campaign which stays, also under a new name, keeps its row, and
// that a version is parsed once and never changes. It is the lower half of an apply
// (Lock, Put): what follows for passages, dates and codes the rooms above do.
package versions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Membership stands where a campaign's id would for who is in which segment.
const Membership = 0

// Version is a program as it was applied, parsed, with the rows that go with it.
// It never changes and must not be changed.
type Version struct {
	ID      int64
	Hash    string
	Program *program.Program
	Texts   program.Texts

	Campaigns []*Campaign // sorted by name
	Segments  []Segment   // in the order of the file
	Zones     *consent.Zones
}

// Campaign is a campaign of a version with its row. ID outlives versions and new
// names.
type Campaign struct {
	*program.Campaign
	ID    int64
	Since loyalty.Instant // live since; none: a draft
	Day   loyalty.Day     // of Since

	Broken error // its files cannot be read as this binary reads them: it does nothing
}

// Segment is a named rule of a version with its row.
type Segment struct {
	program.Segment
	ID int64
}

// key tells versions apart also where an id was given to a transaction that did
// not last and then to another.
type key struct {
	id   int64
	hash string
}

// Refused is the error of files that cannot be put in force.
type Refused struct{ Problems []program.Problem }

func (e *Refused) Error() string {
	var lines []string
	for _, p := range e.Problems {
		if p.Level != program.Warning {
			lines = append(lines, p.String())
		}
	}
	return strings.Join(lines, "\n")
}

// ErrNoProgram says that no program has been applied yet.
var ErrNoProgram = errors.New("no program has been applied yet")

// Programs reads versions of a database, for delivery.
type Programs struct{ DB *store.DB }

// Version returns the program and the mails of a version, as a send carries it.
func (p Programs) Version(ctx context.Context, id int64) (*program.Program, program.Texts, error) {
	var v *Version
	err := p.DB.View(ctx, func(tx *store.Tx) (err error) {
		v, err = Of(tx, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return v.Program, v.Texts, nil
}

// inForce is by what a transaction remembers the version in force.
type inForce struct{}

// Active returns the version in force, ErrNoProgram before the first. A transaction has
// one throughout, unless it puts another in force itself.
func Active(tx *store.Tx) (*Version, error) {
	return store.Read(tx, inForce{}, func() (*Version, error) { return active(tx) })
}

func active(tx *store.Tx) (*Version, error) {
	var k key
	err := tx.Each(`
		select v.id, v.hash
		from   settings s join versions v on v.id = cast(s.value as bigint)
		where  s.key = @key`, store.Args{"key": store.SettingVersion}, func(scan func(...any) error) error { return scan(&k.id, &k.hash) })
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the active version: %w", err)
	case k.id == 0:
		return nil, ErrNoProgram
	}
	return get(tx, k)
}

// Of returns a version that may no longer be in force.
func Of(tx *store.Tx, id int64) (*Version, error) {
	var hash string
	if err := tx.One(&hash, "select hash from versions where id = @id", store.Args{"id": id}); err != nil {
		return nil, fmt.Errorf("version %d: %w", id, err)
	}
	return get(tx, key{id, hash})
}

func get(tx *store.Tx, k key) (*Version, error) {
	v, err := store.Kept(tx, k, func() (*Version, error) { return load(tx, k) })
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", k.id, err)
	}
	return v, nil
}

func load(tx *store.Tx, k key) (*Version, error) {
	files, err := Files(tx, k.id)
	if err != nil {
		return nil, err
	}
	parsed, texts, problems := program.Load(files)
	broken, rest := program.BlockedCampaigns(problems)
	if program.Blocked(rest) {
		return nil, &Refused{rest}
	}
	v := &Version{ID: k.id, Hash: k.hash, Program: parsed, Texts: texts, Zones: consent.NewZones(parsed.Zone)}
	if err := v.loadCampaigns(tx, broken); err != nil {
		return nil, err
	}
	return v, v.loadSegments(tx)
}

// loadCampaigns joins the program's campaigns with their rows. The rows of a
// version in force change with the next version only; those of an older one are
// matched as far as the names go, which is all that resuming a passage needs.
// One whose files are broken is there all the same, so that what it has to react to
// waits for it.
func (v *Version) loadCampaigns(tx *store.Tx, broken map[string][]program.Problem) error {
	var rows []struct {
		ID        int64
		Name      string
		LiveSince loyalty.Instant
		LiveDay   *int64
	}
	if err := tx.All(&rows, "select id, name, live_since, live_day from campaigns where removed_at is null order by name", nil); err != nil {
		return err
	}
	for _, row := range rows {
		c := v.Program.Campaign(row.Name)
		if c == nil && broken[row.Name] == nil {
			continue
		}
		if c == nil {
			c = &program.Campaign{Name: row.Name, Live: true}
		}
		one := &Campaign{Campaign: c, ID: row.ID}
		if problems := broken[row.Name]; problems != nil {
			one.Broken = &Refused{problems}
		}
		if c.Live && row.LiveDay != nil {
			one.Since, one.Day = row.LiveSince, loyalty.Day(*row.LiveDay)
		}
		v.Campaigns = append(v.Campaigns, one)
	}
	return nil
}

func (v *Version) loadSegments(tx *store.Tx) error {
	var rows []struct {
		ID   int64
		Name string
	}
	if err := tx.All(&rows, "select id, name from segments where removed_at is null", nil); err != nil {
		return err
	}
	ids := map[string]int64{}
	for _, row := range rows {
		ids[row.Name] = row.ID
	}
	for _, s := range v.Program.Segments {
		if ids[s.Name] != 0 {
			v.Segments = append(v.Segments, Segment{s, ids[s.Name]})
		}
	}
	return nil
}

// Named returns a campaign of the program by its name, nil if there is none.
func (v *Version) Named(name string) *program.Campaign {
	for _, c := range v.Program.Campaigns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Campaign returns a campaign by name, ErrNoCampaign if the version has none.
func (v *Version) Campaign(name string) (*Campaign, error) {
	for _, c := range v.Campaigns {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, noCampaign{program.NoCampaign(v.Program, name)}
}

// noCampaign is ErrNoCampaign with the name that was probably meant.
type noCampaign struct{ text string }

func (e noCampaign) Error() string { return e.text }

func (e noCampaign) Unwrap() error { return ErrNoCampaign }

// ErrNoCampaign says that the program in force has no such campaign.
var ErrNoCampaign = errors.New("no such campaign")

// ByID returns a campaign of the version in force, nil when it is no longer part of it.
func (v *Version) ByID(id int64) *Campaign {
	for _, c := range v.Campaigns {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Live returns the campaigns that may start now, of these kinds of start; none: all.
func (v *Version) Live(kinds ...string) []*Campaign {
	var all []*Campaign
	for _, c := range v.Campaigns {
		if !c.Since.IsZero() && (len(kinds) == 0 || slices.Contains(kinds, c.Start.Kind)) {
			all = append(all, c)
		}
	}
	return all
}

// Segment returns a segment by name.
func (v *Version) Segment(name string) (Segment, bool) {
	for _, s := range v.Segments {
		if s.Name == name {
			return s, true
		}
	}
	return Segment{}, false
}

// Day returns the shop's day of a moment.
func (v *Version) Day(t loyalty.Instant) loyalty.Day { return loyalty.DayOf(t.Time, v.Program.Zone) }

// IgnoreNoProgram makes nothing of the error that there is no program yet.
func IgnoreNoProgram(err error) error {
	if errors.Is(err, ErrNoProgram) {
		return nil
	}
	return err
}
