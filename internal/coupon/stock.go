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

// row is a new code and whom it is for, if anybody.
type row struct {
	ID           int64 // 0: the database numbers it
	Code, Folded string
	To
}

// added is a code that was added.
type added struct {
	ID     int64
	Folded string
}

// insertColumns are those of its rows r.
var insertColumns = []string{"code text", "folded text", "occurrence bigint", "member bigint", "id bigint"}

// insert adds codes to a pool in a state, with a last day, 0 for none. Those that are taken
// are left out.
func insert(tx *store.Tx, p Pool, state string, rows []row, end loyalty.Day) (all []added, err error) {
	values := make([][]any, len(rows))
	for i, r := range rows {
		values[i] = []any{r.Code, r.Folded, r.Occurrence, r.Member, r.ID}
	}
	reserved, issued := "null", "null"
	if state == StateReserved || state == StateIssued {
		reserved = "@now"
	}
	if state == StateIssued {
		issued = "@now"
	}
	id, number := "", ""
	if len(rows) > 0 && rows[0].ID != 0 {
		id, number = "id, ", "r.id, "
	}
	args := tx.Wider(values, insertColumns...)
	args["pool"], args["state"], args["now"], args["end"] = p.ID, state, tx.At, int64(end)
	err = tx.Each(`
		insert into codes (`+id+`pool_id, code, folded, state, stock, occurrence_id, member_id, reserved_at, issued_at, valid_until)
		select `+number+`cast(@pool as bigint), r.code, r.folded, cast(@state as text), cast(@state as text) in ('free', 'aside'),
		       nullif(r.occurrence, 0), nullif(r.member, 0), `+tx.Instant(reserved)+`, `+tx.Instant(issued)+`, nullif(cast(@end as bigint), 0)
		from   `+tx.Wide(insertColumns...)+`
		where  true
		on conflict do nothing
		returning id, folded`, args, func(scan func(into ...any) error) error {
		var a added
		err := scan(&a.ID, &a.Folded)
		all = append(all, a)
		return err
	})
	return all, err
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
	if err := tx.One(&free, "select count(*) from codes where "+inStock+" and state = 'free'", store.Args{"pool": p.ID}); err != nil {
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
		rows := make([]row, min(mintSlice, n-int64(made)))
		for i := range rows {
			code, err := loyalty.CodePattern(p.Pattern).Expand(random)
			if err != nil {
				return made, err
			}
			rows[i] = row{Code: code, Folded: loyalty.FoldCode(code)}
		}
		added, err := insert(tx, p, StateFree, rows, 0)
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
	added, err := insert(in.tx, in.pool, in.state, in.rows, 0)
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
func (in *importing) countTaken(all []added) error {
	for _, a := range all {
		delete(in.lines, a.Folded)
	}
	taken := slices.DeleteFunc(slices.Clone(in.rows), func(r row) bool { _, left := in.lines[r.Folded]; return !left })
	folded := make([]string, len(taken))
	for i, r := range taken {
		folded[i] = r.Folded
	}
	var ours []string
	err := in.tx.All(&ours, "select folded from codes where pool_id = @pool and folded in (select folded from "+in.tx.Values("folded text")+")",
		store.Args{"pool": in.pool.ID, "rows": store.Column(folded)})
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
