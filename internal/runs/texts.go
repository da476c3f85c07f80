package runs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// OldTexts is mails not yet sent that keep the texts of the version with which
// they were queued, which the version in force, or one to come, has otherwise.
type OldTexts struct {
	Campaign string `json:"campaign"`
	Run      int64  `json:"run,omitempty"` // 0: mails that go singly
	State    string `json:"state,omitempty"`
	Version  int64  `json:"version"` // whose texts they keep
	Mails    int64  `json:"mails"`

	ID    int64  `json:"-"` // of the campaign
	Class string `json:"-"`
}

// String says whose texts they keep and how they get the new ones.
func (o OldTexts) String() string {
	if o.Run == 0 {
		return fmt.Sprintf("%d mails of %s that wait to go out keep the texts of version %d. For the new ones: regulars hold %s, and then regulars release %s --texts latest",
			o.Mails, o.Campaign, o.Version, o.Campaign, o.Campaign)
	}
	how := fmt.Sprintf("regulars runs resume %d --texts latest", o.Run)
	if o.State == "sending" {
		how = fmt.Sprintf("regulars runs pause %d, and then %s", o.Run, how)
	}
	return fmt.Sprintf("run %d of %s goes on with the texts of version %d for the %d mails not yet sent. For the new ones: %s", o.Run, o.Campaign, o.Version, o.Mails, how)
}

// underway are the mails not yet sent, by campaign, run and version.
const underway = `
	select c.name as campaign, c.id, u.class, u.run, u.state, u.version, count(*) as mails
	from  (select s.campaign_id, s.class, r.id as run, r.state, s.version_id as version
	       from   runs r join sends s on s.run_id = r.id
	       where  r.state in ('sending', 'paused') and s.state in ('queued', 'deferred')
	       union all
	       select s.campaign_id, s.class, 0, '', s.version_id
	       from   due d join sends s on s.id = d.send_id
	       where  s.run_id is null and s.state in ('queued', 'deferred')) u
	join   campaigns c on c.id = u.campaign_id
	group  by c.name, c.id, u.class, u.run, u.state, u.version
	order  by c.name, u.run, u.version`

// WithOldTexts returns what is under way with texts that are not those of files; nil:
// of the version in force.
func WithOldTexts(tx *store.Tx, files map[string]string) ([]OldTexts, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	if files == nil {
		if files, err = versions.Files(tx, v.ID); err != nil {
			return nil, err
		}
	}
	var all, old []OldTexts
	err = tx.All(&all, underway, nil)
	if err != nil {
		return nil, fmt.Errorf("what is under way: %w", err)
	}
	filesOf := map[int64]map[string]string{}
	for _, o := range all {
		if filesOf[o.Version] == nil {
			if filesOf[o.Version], err = versions.Files(tx, o.Version); err != nil {
				return nil, err
			}
		}
		if !sameTexts(filesOf[o.Version], files, o.Campaign) {
			old = append(old, o)
		}
	}
	return old, nil
}

// sameTexts reports whether a campaign's mails read the same in two versions: its
// own texts, and all that stands around and in them.
func sameTexts(a, b map[string]string, campaign string) bool {
	folder := program.CampaignsRoot + campaign + "/"
	shown := func(name string) bool {
		if strings.HasPrefix(name, program.CampaignsRoot) {
			return strings.HasPrefix(name, folder) && name != folder+"campaign.yaml"
		}
		return name != "segments.yaml"
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		if shown(name) && a[name] != b[name] {
			return false
		}
	}
	return true
}

// Renew gives what is under way the texts of the version in force, as far as it has
// not begun to go out, and returns for how many mails.
func Renew(tx *store.Tx, old []OldTexts) (mails int64, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return 0, err
	}
	for _, o := range old {
		if err := hasMails(tx, v, o); err != nil {
			return 0, err
		}
		if o.Run != 0 {
			if err := renew(tx, o.Run, v); err != nil {
				return 0, err
			}
			mails += o.Mails
			continue
		}
		n, err := tx.Exec("update sends set version_id = @version where campaign_id = @campaign and run_id is null and version_id = @old and state in ('queued', 'deferred')",
			store.Args{"version": v.ID, "campaign": o.ID, "old": o.Version})
		if err != nil {
			return 0, err
		}
		mails += n
	}
	return mails, nil
}

// hasMails says whether a version has all the mails that are under way.
func hasMails(tx *store.Tx, v *versions.Version, o OldTexts) error {
	var steps []string
	err := tx.All(&steps, "select distinct step from sends where campaign_id = @campaign and coalesce(run_id, 0) = @run and state in ('queued', 'deferred')",
		store.Args{"campaign": o.ID, "run": o.Run})
	if err != nil {
		return err
	}
	c := v.ByID(o.ID)
	if c == nil {
		return fmt.Errorf("%s is no longer part of the program, so there are no new texts of it", o.Campaign)
	}
	for _, step := range steps {
		if !slices.ContainsFunc(c.Steps, func(s program.Step) bool {
			return s.Name == step || slices.ContainsFunc(s.Choose, func(s program.Step) bool { return s.Name == step })
		}) {
			return fmt.Errorf("version %d of %s has no mail %s, which is under way: put it back, or cancel the run", v.ID, o.Campaign, step)
		}
	}
	return nil
}

// Stopped reports whether a hold of a scope stops them.
func (o OldTexts) Stopped(scope string) bool {
	h, stopped := consent.Holds{scope: {Scope: scope}}.Stops(o.ID, o.Class, o.Run != 0)
	return stopped && h.Scope == scope
}

// renew gives what a run has not sent yet the texts of a version.
func renew(tx *store.Tx, run int64, v *versions.Version) error {
	args := store.Args{"id": run, "version": v.ID}
	if _, err := tx.Exec("update runs set version_id = @version where id = @id", args); err != nil {
		return err
	}
	_, err := tx.Exec("update sends set version_id = @version where run_id = @id and state in ('queued', 'deferred')", args)
	return err
}
