package coupon

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Claimed is a claim that is about to be written, and gets a code that nobody had before.
type Claimed struct {
	ID, Member int64
	Source     string // of the claim
	Name       string // what it is known by outside the database
}

// Made is a code that its member may use from now on.
type Made struct {
	ID   int64
	Code string      // as printed
	Ends loyalty.Day // the last day on which it is good; 0: no end
}

// Making is a pool of which codes are to be made for members, as it was found.
type Making struct {
	name    string
	row     poolRow // ID 0: there is no such pool
	stocked bool    // it has codes in stock, or that are promised
	secret  string  // "": not drawn yet
	whom    map[int64]string
}

// ToMake looks at a pool and at members, with the next question of the transaction, before
// codes are made for claims of theirs.
func ToMake(tx *store.Tx, pool string, members []int64) (*Making, error) {
	m := &Making{name: pool, whom: make(map[int64]string, len(members))}
	err := tx.EachLater(fmt.Sprintf("making %d codes of pool %s", len(members), pool), `
		with p as materialized (
		  select id, cast(spec as text) as spec,
		         (select 1 from promises r where r.pool_id = pools.id limit 1) is not null
		         or (select c.id from codes c where c.pool_id = pools.id and c.member_id is null and c.state = 'free' order by c.id limit 1) is not null as stocked,
		         coalesce((select value from settings where key = @secret), '') as secret
		  from   pools
		  where  name = @pool and removed_at is null)
		select p.id, p.spec, p.stocked, p.secret, m.id, m.external_id, m.named, case when not m.named then m.email_key end
		from   `+tx.RowsOf("members", "id", "@members")+` m cross join p`,
		store.Args{"pool": pool, "secret": settingCodes, "members": store.IDs(members)}, func(scan func(into ...any) error) error {
			var id int64
			var name string
			var named bool
			var key []byte
			err := scan(&m.row.ID, &m.row.Spec, &m.stocked, &m.secret, &id, &name, &named, &key)
			m.whom[id] = memberName(name, named, key)
			return err
		})
	return m, err
}

// Make makes a code for each of some claims, good at once, in a statement. For whom stock,
// budget or time leave none is not among them, the last of the list first. Made is nil where
// the pool's codes are not made for members, since some lie in stock, are promised or shared:
// then GiveNow gives them. The caller holds the locks of the members and writes the claims in
// the same transaction.
func (m *Making) Make(tx *store.Tx, claims []Claimed, today loyalty.Day, random io.Reader) (made map[int64]Made, err error) {
	if made, err = m.make(tx, claims, today, random); err != nil {
		return nil, fmt.Errorf("making %d codes of pool %s: %w", len(claims), m.name, err)
	}
	return made, nil
}

func (m *Making) make(tx *store.Tx, claims []Claimed, today loyalty.Day, random io.Reader) (map[int64]Made, error) {
	if m.row.ID == 0 || m.stocked {
		return nil, nil
	}
	p, err := m.row.pool()
	if err != nil || !p.mints() {
		return nil, err
	}
	made := map[int64]Made{}
	if p.over(today) {
		return made, nil
	}
	if err := p.lock(tx); err != nil {
		return nil, err
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return nil, err
	}
	derive, err := m.deriving(tx, random)
	if err != nil {
		return nil, err
	}
	want := claims[:min(int64(len(claims)), r.give, r.mint)]
	for try := 0; len(want) > 0 && try < mintTries; try++ {
		people, names := make([]To, len(want)), make([]string, len(want))
		for i, c := range want {
			people[i], names[i] = To{-c.ID, c.Member}, nameOf(p.Name, claimName(c.Source, c.Name), m.whom[c.Member])
		}
		rows, err := p.derivedBy(derive, people, make([]int64, len(people)), names, try)
		if err != nil {
			return nil, err
		}
		if err := issue(tx, p, rows, p.LastDay(today), made); err != nil {
			return nil, err
		}
		want = slices.DeleteFunc(slices.Clone(want), func(c Claimed) bool { return made[c.ID].ID != 0 })
	}
	return made, tellOfMade(tx, p, made, claims)
}

// deriving is the stream of the installation's secret.
func (m *Making) deriving(tx *store.Tx, random io.Reader) (*stream, error) {
	if m.secret == "" {
		return deriving(tx, random)
	}
	secret, err := hex.DecodeString(m.secret)
	return derivingBy(secret), err
}

// issue adds codes that are their members' from now on to those that were made, by their
// claims. Those that are taken are left out.
func issue(tx *store.Tx, p Pool, rows []row, end loyalty.Day, made map[int64]Made) error {
	added, err := insert(tx, p, StateIssued, rows, end)
	if err != nil {
		return err
	}
	byFolded := make(map[string]row, len(rows))
	for _, r := range rows {
		byFolded[r.Folded] = r
	}
	for _, a := range added {
		r := byFolded[a.Folded]
		made[-r.Occurrence] = Made{a.ID, r.Code, end}
	}
	return nil
}
