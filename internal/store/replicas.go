package store

import (
	"encoding/json"
	"fmt"
	"time"

	"regulars/internal/loyalty"
)

// Trouble is something that keeps Regulars from its work or needs a person: what
// it is, and what to do about it.
type Trouble struct {
	Kind string `json:"kind"` // one word that stays, for programs
	What string `json:"what"`
	Do   string `json:"do"`

	About string `json:"-"` // what it is about, which stays while it lasts, as its words may not; "": What
}

// Replica is a running process, as its own row says.
type Replica struct {
	ID, Host, Version, Roles string
	Ahead                    time.Duration // how far its clock is ahead of the database's
	Troubles                 []Trouble     // what it sees from where it stands
	Rate                     string        // so many mails its relay takes in a length of time; "": no limit
	Rationed                 bool          // … and mails wait for that
	StartedAt, SeenAt        loyalty.Instant
	Unseen                   time.Duration // since when it has not been seen, by the database's clock
}

// Seen is for how long a replica counts as there after it has said so: it says so
// every few seconds.
const Seen = 12 * time.Second

// SayHere writes a replica's row, and throws away those of replicas that are long
// gone.
func SayHere(tx *Tx, r Replica) error {
	if r.Troubles == nil {
		r.Troubles = []Trouble{}
	}
	_, err := tx.Exec(`
		insert into replicas (id, host, version, roles, clock_ahead, troubles, rate, rationed, started_at, seen_at)
		values (@id, @host, @version, @roles, @ahead, `+tx.JSONParam("@troubles")+`, @rate, @rationed, `+tx.Machine()+`, `+tx.Machine()+`)
		on conflict (id) do update
		set    clock_ahead = excluded.clock_ahead, troubles = excluded.troubles,
		       rate = excluded.rate, rationed = excluded.rationed, seen_at = excluded.seen_at`,
		Args{"id": r.ID, "host": r.Host, "version": r.Version, "roles": r.Roles, "ahead": r.Ahead.Microseconds(), "troubles": JSON(r.Troubles),
			"rate": r.Rate, "rationed": r.Rationed})
	if err == nil {
		_, err = tx.Exec("delete from replicas where seen_at < "+tx.MachineIn(-24*time.Hour), nil)
	}
	if err != nil {
		return fmt.Errorf("saying that replica %s is here: %w", r.ID, err)
	}
	return nil
}

// SayGone takes a replica's row away.
func SayGone(tx *Tx, id string) error {
	_, err := tx.Remove(&replicaRow{id})
	return err
}

// Replicas returns those that have been seen within so long.
func Replicas(tx *Tx, within time.Duration) ([]Replica, error) {
	var rows []struct {
		ID, Host, Version, Roles, Troubles, Rate string
		Rationed                                 bool
		ClockAhead, Unseen                       int64
		StartedAt, SeenAt                        loyalty.Instant
	}
	err := tx.All(&rows, `
		select id, host, version, roles, clock_ahead, cast(troubles as text) as troubles, rate, rationed, started_at, seen_at,
		       `+tx.Micros(tx.Machine())+` - `+tx.Micros("seen_at")+` as unseen
		from   replicas
		where  seen_at > `+tx.MachineIn(-within)+`
		order  by id`, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the replicas: %w", err)
	}
	all := make([]Replica, len(rows))
	for i, r := range rows {
		all[i] = Replica{ID: r.ID, Host: r.Host, Version: r.Version, Roles: r.Roles, Rate: r.Rate, Rationed: r.Rationed, StartedAt: r.StartedAt, SeenAt: r.SeenAt,
			Ahead: time.Duration(r.ClockAhead) * time.Microsecond, Unseen: time.Duration(r.Unseen) * time.Microsecond}
		if err := json.Unmarshal([]byte(r.Troubles), &all[i].Troubles); err != nil {
			return nil, fmt.Errorf("what replica %s sees: %w", r.ID, err)
		}
	}
	return all, nil
}
