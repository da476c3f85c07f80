package outbox

import (
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Destination is where webhooks are sent to, as the program in force says.
type Destination struct {
	ID       int64    `json:"-"`
	Name     string   `json:"name"`
	URL      string   `json:"url"`
	Events   []string `json:"-" gorm:"-"` // their types
	Email    bool     `json:"-"`          // it is told members' addresses, too
	Failures int      `json:"-"`          // pieces of work in a row that failed there
}

// Sync has these be the destinations that there are. One that comes to another address is
// no longer disabled. What waits for one that is gone is thrown away with it.
func Sync(tx *store.Tx, all []Destination) error {
	names := []string{""}
	for _, d := range all {
		names = append(names, d.Name)
		_, err := tx.Exec(`
			insert into hook_destinations (name, url, events, email) values (@name, @url, `+tx.JSONParam("@events")+`, @email)
			on conflict (name) do update
			set    events = excluded.events, email = excluded.email, url = excluded.url,
			       disabled    = case when excluded.url = hook_destinations.url then hook_destinations.disabled else '' end,
			       disabled_at = case when excluded.url = hook_destinations.url then hook_destinations.disabled_at end,
			       rest_until  = case when excluded.url = hook_destinations.url then hook_destinations.rest_until end`,
			store.Args{"name": d.Name, "url": d.URL, "events": store.JSON(d.Events), "email": d.Email})
		if err != nil {
			return fmt.Errorf("destination %s: %w", d.Name, err)
		}
	}
	if _, err := tx.Exec("delete from hook_destinations where name not in @names", store.Args{"names": names}); err != nil {
		return fmt.Errorf("destinations that are gone: %w", err)
	}
	store.Anew(tx, destinations{})
	return nil
}

// Standing is how things are with a destination.
type Standing struct {
	Destination
	Disabled   string          `json:"disabled,omitempty"`
	DisabledAt loyalty.Instant `json:"disabled_at,omitzero"`
	Failing    string          `json:"failing,omitempty"`
	Failed     int64           `json:"failed_for,omitempty"` // seconds
	Waiting    int64           `json:"waiting"`
	Oldest     int64           `json:"oldest"` // seconds that the one which waits longest has waited
	Dead       int64           `json:"dead"`
	Because    string          `json:"because,omitempty"` // of the last of those
}

// Standings returns all destinations with what waits for them, in the order of their names.
func Standings(tx *store.Tx) (all []Standing, err error) {
	err = tx.All(&all, `
		select d.id, d.name, d.url, d.email, d.disabled, d.disabled_at, d.failing,
		       coalesce((`+tx.Micros(tx.Machine())+` - `+tx.Micros("d.failing_at")+`) / 1000000, 0) as failed,
		       (select count(*) from hook_deliveries w where w.destination_id = d.id and w.state = 'waiting') as waiting,
		       coalesce((`+tx.Micros(tx.Machine())+` - (select min(`+tx.Micros("w.written_at")+`) from hook_deliveries w where w.destination_id = d.id and w.state = 'waiting')) / 1000000, 0) as oldest,
		       (select count(*) from hook_deliveries w where w.destination_id = d.id and w.state = 'dead') as dead,
		       coalesce((select w.because from hook_deliveries w where w.destination_id = d.id and w.state = 'dead' order by w.id desc limit 1), '') as because
		from   hook_destinations d
		order  by d.name`, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the destinations of webhooks: %w", err)
	}
	return all, nil
}

// Disable has nothing sent to a destination until a person enables it: what it is to be
// told waits.
func Disable(tx *store.Tx, name, because string) error {
	return change(tx, name, "disabled = @because, disabled_at = @now", because)
}

// Enable has a destination be sent what waits for it, at once.
func Enable(tx *store.Tx, name string) error {
	return change(tx, name, "disabled = '', disabled_at = null, rest_until = null, failures = 0, failing = '', failing_at = null", "")
}

func change(tx *store.Tx, name, set, because string) error {
	var ids []int64
	err := tx.All(&ids, "update hook_destinations set "+set+" where name = @name returning id", store.Args{"name": name, "because": because, "now": tx.At})
	if err == nil && len(ids) == 0 {
		return store.Missing(unknown(tx, name))
	}
	for _, id := range ids {
		tx.Wake(fmt.Sprint(PostWork, ":", id))
	}
	return err
}

// unknown says which destinations there are.
func unknown(tx *store.Tx, name string) string {
	var names []string
	if err := tx.All(&names, "select name from hook_destinations order by name", nil); err != nil || len(names) == 0 {
		return fmt.Sprintf("there is no destination %q: the program in force has no webhooks", name)
	}
	if near := loyalty.Nearest(name, names); near != "" {
		return fmt.Sprintf("there is no destination %q: did you mean %s?", name, near)
	}
	return fmt.Sprintf("there is no destination %q: it has %s", name, names)
}

// How long what a destination is told is kept, by when it happened.
const (
	KeepDelivered = 7 * 24 * time.Hour
	KeepOther     = 30 * 24 * time.Hour
)

// Due is the query for the destinations, of those whose keys (loyalty.HookKey) are in @hooks, to which something is to be
// sent now. What holds everything holds this, too: after a restore from a copy nobody
// knows what was told since.
func Due(tx *store.Tx) string {
	return `
		select d.id
		from   hook_destinations d
		where  replace(upper(d.name), '-', '_') in @hooks and d.disabled = '' and (d.rest_until is null or d.rest_until <= ` + tx.Machine() + `)
		and    exists (select 1 from hook_deliveries w where w.destination_id = d.id and w.state = 'waiting' and w.next_at <= ` + tx.Machine() + `)
		and    not exists (select 1 from holds h where h.scope = 'all')`
}

// DueNow returns the destinations to which something is to be sent now, of those with a key.
func DueNow(tx *store.Tx, keys []string) (ids []int64, err error) {
	err = tx.All(&ids, Due(tx)+" order by d.id", store.Args{"hooks": append(slices.Clone(keys), "")})
	return ids, err
}
