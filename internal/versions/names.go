package versions

import (
	"regulars/internal/program"
	"regulars/internal/store"
)

// LaterNames follows the campaigns of a version through those that came after it
// and returns what each is called now: name then → name now.
func LaterNames(tx *store.Tx, version int64) (map[string]string, error) {
	var ids []int64
	if err := tx.All(&ids, "select id from versions where id >= @id order by id", store.Args{"id": version}); err != nil {
		return nil, err
	}
	names := map[string]string{}
	for i, id := range ids {
		files, err := Files(tx, id)
		if err != nil {
			return nil, err
		}
		p, _, _ := program.Load(files) // what this binary would not apply any more still tells the names
		if i == 0 {
			for _, c := range p.Campaigns {
				names[c.Name] = c.Name
			}
		}
		for then, now := range names {
			names[then] = renamed(p, then, now)
		}
	}
	return names, nil
}

// renamed returns what a version calls a campaign that was called now in the one
// before it. A rollback between may have given it its name of then back.
func renamed(p *program.Program, then, now string) string {
	if p.Campaign(now) != nil {
		return now
	}
	for _, c := range p.Campaigns {
		if c.Was == now {
			return c.Name
		}
	}
	if p.Campaign(then) != nil {
		return then
	}
	return now
}
