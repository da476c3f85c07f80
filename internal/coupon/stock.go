package coupon

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// row is a new code as the database reads it.
type row struct {
	Code       string `json:"c"`
	Folded     string `json:"f"`
	Occurrence *int64 `json:"o,omitempty"`
	Member     *int64 `json:"m,omitempty"`
}

func (p Pool) drawRows(n int, random io.Reader) ([]row, error) {
	rows := make([]row, n)
	for i := range rows {
		code, err := p.draw(random)
		if err != nil {
			return nil, err
		}
		rows[i] = fresh(code)
	}
	return rows, nil
}

func fresh(code string) row { return row{Code: code, Folded: loyalty.FoldCode(code)} }

// insert adds codes to a pool in a state. Those that are taken are left out; the
// folded codes that were added are returned.
func insert(tx *store.Tx, p Pool, state string, rows []row) (added []string, err error) {
	from, reserved := "json_each(@rows)", tx.Instant("null")
	if tx.Postgres() {
		from = "jsonb_array_elements(" + tx.JSONParam("@rows") + ") e(value)"
	}
	if state == StateReserved {
		reserved = tx.Instant("@now")
	}
	err = tx.All(&added, `
		insert into codes (pool_id, code, folded, state, stock, occurrence_id, member_id, reserved_at)
		select cast(@pool as bigint), value ->> 'c', value ->> 'f', cast(@state as text), cast(@state as text) in ('free', 'aside'),
		       cast(value ->> 'o' as bigint), cast(value ->> 'm' as bigint), `+reserved+`
		from   `+from+`
		where  true
		on conflict do nothing
		returning folded`,
		store.Args{"pool": p.ID, "state": state, "rows": store.JSON(rows), "now": tx.At})
	return added, err
}

// Generate makes n free codes in a generated pool and returns how many: fewer
// only when the pool's stock is full.
func Generate(tx *store.Tx, pool string, n int, random io.Reader) (int, error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	made, err := generate(tx, p, int64(n), random)
	if err != nil {
		return made, fmt.Errorf("generating codes of pool %s: %w", pool, err)
	}
	return made, nil
}

// Fill makes as many free codes as a generated pool lacks to have count of them,
// and returns how many. Running it again adds nothing.
func Fill(tx *store.Tx, pool string, count int, random io.Reader) (int, error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	if err := p.lock(tx); err != nil {
		return 0, err
	}
	var free int64
	if err := tx.One(&free, "select count(*) from codes where pool_id = @pool and state = 'free'", store.Args{"pool": p.ID}); err != nil {
		return 0, fmt.Errorf("counting pool %s: %w", pool, err)
	}
	made, err := generate(tx, p, int64(count)-free, random)
	if err != nil {
		return made, fmt.Errorf("filling pool %s: %w", pool, err)
	}
	return made, nil
}

func generate(tx *store.Tx, p Pool, n int64, random io.Reader) (made int, err error) {
	if p.Kind != Generated {
		return 0, fmt.Errorf("pool %s is %s: %w", p.Name, p.Kind, ErrKind)
	}
	if err := p.lock(tx); err != nil {
		return 0, err
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return 0, err
	}
	n = min(n, r.mint)
	for idle := 0; int64(made) < n; {
		rows, err := p.drawRows(int(min(mintSlice, n-int64(made))), random)
		if err != nil {
			return made, err
		}
		added, err := insert(tx, p, StateFree, rows)
		if err != nil {
			return made, err
		}
		made += len(added)
		if idle++; len(added) > 0 {
			idle = 0
		}
		if idle == mintTries {
			return made, fmt.Errorf("%w: the pattern %s has too few codes", ErrEmpty, p.Pattern)
		}
	}
	return made, nil
}

// Stocked counts what an import of codes did: Read = New + Duplicate + Rejected.
type Stocked struct {
	Read, New, Duplicate, Rejected int64

	Rejects []Reject
}

// Reject is a code that was not taken, and why.
type Reject struct {
	Line   int64 // from 1
	Code   string
	Reason string
}

// longestCode is the longest code that is taken from outside, in bytes.
const longestCode = 64

// Import adds codes of the shop's own to an imported pool, in their order. A code
// that the pool has is a duplicate; one that cannot be one, or that belongs to
// another pool, is rejected with the reason.
func Import(tx *store.Tx, pool string, codes iter.Seq[string]) (Stocked, error) {
	p, err := Find(tx, pool)
	if err != nil {
		return Stocked{}, err
	}
	if p.Kind != Imported {
		return Stocked{}, fmt.Errorf("pool %s is %s: %w", pool, p.Kind, ErrKind)
	}
	in := importing{tx: tx, pool: p, state: StateFree}
	if restored, err := underRestore(tx); err != nil {
		return Stocked{}, err
	} else if restored { // the file may be one that was imported before, and then given
		in.state = StateAside
	}
	for code := range codes {
		if err := in.take(strings.TrimFunc(code, blank)); err != nil {
			return Stocked{}, fmt.Errorf("importing codes into pool %s: %w", pool, err)
		}
	}
	if err := in.flush(); err != nil {
		return Stocked{}, fmt.Errorf("importing codes into pool %s: %w", pool, err)
	}
	return in.done, nil
}

func blank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }

// importing is an import under way, with the codes of the slice at hand.
type importing struct {
	tx    *store.Tx
	pool  Pool
	state string
	done  Stocked
	rows  []row
	lines map[string]int64 // folded → line, of rows
}

func (in *importing) take(code string) error {
	in.done.Read++
	folded := loyalty.FoldCode(code)
	switch {
	case code == "":
		in.reject(in.done.Read, code, "empty")
		return nil
	case folded == "":
		in.reject(in.done.Read, code, "no letters or digits")
		return nil
	case len(code) > longestCode:
		in.reject(in.done.Read, code, fmt.Sprintf("longer than %d characters", longestCode))
		return nil
	case strings.ContainsFunc(code, unicode.IsControl):
		in.reject(in.done.Read, code, "a control character")
		return nil
	}
	if _, twice := in.lines[folded]; twice {
		in.done.Duplicate++
		return nil
	}
	if in.lines == nil {
		in.lines = make(map[string]int64, mintSlice)
	}
	in.lines[folded] = in.done.Read
	in.rows = append(in.rows, row{Code: code, Folded: folded})
	if len(in.rows) == mintSlice {
		return in.flush()
	}
	return nil
}

func (in *importing) reject(line int64, code, reason string) {
	in.done.Rejected++
	in.done.Rejects = append(in.done.Rejects, Reject{line, code, reason})
}

// flush adds the slice and counts what became of it.
func (in *importing) flush() error {
	if len(in.rows) == 0 {
		return nil
	}
	added, err := insert(in.tx, in.pool, in.state, in.rows)
	if err != nil {
		return err
	}
	in.done.New += int64(len(added))
	if len(added) < len(in.rows) {
		if err := in.countTaken(added); err != nil {
			return err
		}
	}
	in.rows, in.lines = in.rows[:0], nil
	return nil
}

// countTaken tells codes that the pool had from those of other pools.
func (in *importing) countTaken(added []string) error {
	for _, folded := range added {
		delete(in.lines, folded)
	}
	taken := slices.DeleteFunc(slices.Clone(in.rows), func(r row) bool { _, left := in.lines[r.Folded]; return !left })
	folded := make([]string, len(taken))
	for i, r := range taken {
		folded[i] = r.Folded
	}
	from := "select value from json_each(@folded)"
	if in.tx.Postgres() {
		from = "select value from jsonb_array_elements_text(" + in.tx.JSONParam("@folded") + ") e(value)"
	}
	var ours []string
	err := in.tx.All(&ours, "select folded from codes where pool_id = @pool and folded in ("+from+")",
		store.Args{"pool": in.pool.ID, "folded": store.JSON(folded)})
	if err != nil {
		return err
	}
	in.done.Duplicate += int64(len(ours))
	for _, f := range ours {
		delete(in.lines, f)
	}
	for _, r := range taken {
		if line, foreign := in.lines[r.Folded]; foreign {
			in.reject(line, r.Code, "belongs to another pool")
		}
	}
	return nil
}
