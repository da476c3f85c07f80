package coupon

import (
	"encoding/json"
	"errors"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// Pool is a stock of codes with its row's id.
type Pool struct {
	ID int64
	program.Pool
}

// The sentinels that callers tell apart.
var (
	// ErrEmpty says that a pool has no code to give. The error around it says why.
	ErrEmpty = errors.New("no code left")
	// ErrKind says that a pool's kind does not allow what was asked of it.
	ErrKind = errors.New("not that kind of pool")
)

// Apply brings the pools of a program version into force. A pool that the
// program no longer names gives no more codes; those given stay good. A pool
// that has codes cannot change its kind.
func Apply(tx *store.Tx, pools []program.Pool) error {
	if _, err := tx.Exec("update pools set removed_at = @now where removed_at is null", store.Args{"now": tx.At}); err != nil {
		return fmt.Errorf("applying pools: %w", err)
	}
	for _, p := range pools {
		if err := applyOne(tx, p); err != nil {
			return fmt.Errorf("applying pool %s: %w", p.Name, err)
		}
	}
	return nil
}

func applyOne(tx *store.Tx, p program.Pool) error {
	n, err := tx.Exec(`
		insert into pools (name, kind, spec) values (@name, @kind, `+tx.JSONParam("@spec")+`)
		on conflict (name) do update
		set    kind = excluded.kind, spec = excluded.spec, removed_at = null
		where  pools.kind = excluded.kind
		or     not exists (select 1 from codes where codes.pool_id = pools.id)`,
		store.Args{"name": p.Name, "kind": p.Kind, "spec": store.JSON(p)})
	if err == nil && n == 0 {
		err = fmt.Errorf("it has codes and cannot become %s, give the new pool a name of its own: %w", p.Kind, ErrKind)
	}
	return err
}

// Find returns a pool of the program in force by its name, store.ErrNotFound if
// there is none.
func Find(tx *store.Tx, name string) (Pool, error) {
	var row poolRow
	err := tx.One(&row, "select id, cast(spec as text) as spec from pools where name = @name and removed_at is null", store.Args{"name": name})
	if errors.Is(err, store.ErrNotFound) {
		return Pool{}, noPool(tx, name)
	}
	if err != nil {
		return Pool{}, fmt.Errorf("pool %s: %w", name, err)
	}
	return row.pool()
}

func noPool(tx *store.Tx, name string) error {
	var names []string
	if err := tx.All(&names, "select name from pools where removed_at is null order by name", nil); err != nil {
		return err
	}
	return store.Missing(program.Unknown("pool", name, names))
}

type poolRow struct {
	ID   int64
	Spec string
}

func (r poolRow) pool() (Pool, error) {
	p := Pool{ID: r.ID}
	if err := json.Unmarshal([]byte(r.Spec), &p.Pool); err != nil {
		return Pool{}, fmt.Errorf("reading pool %d: %w", r.ID, err)
	}
	return p, nil
}

// poolsOf returns the pools that codes belong to, removed or not.
func poolsOf(tx *store.Tx, codes []int64) ([]Pool, error) {
	var rows []poolRow
	err := tx.All(&rows, `
		select id, cast(spec as text) as spec from pools
		where  id in (select c.pool_id from codes c where c.id in (select value from `+tx.JSONEach("@ids")+`))`,
		store.Args{"ids": store.JSON(codes)})
	if err != nil {
		return nil, err
	}
	pools := make([]Pool, 0, len(rows))
	for _, row := range rows {
		p, err := row.pool()
		if err != nil {
			return nil, err
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// The kinds of pools.
const (
	Generated = "generated"
	Imported  = "imported"
	Shared    = "shared"
)

// byFile reports whether the shop has to be told of a code before it is given.
func (p Pool) byFile() bool { return p.Kind == Generated && p.Checkout == "file" }

// mints reports whether a code may be made at the moment of giving it.
func (p Pool) mints() bool { return p.Kind == Generated && !p.byFile() }

// worth is what a code costs the shop when used, in minor units; 0: it depends
// on the order.
func (p Pool) worth() int64 { return p.Amount + p.Worth }

// over reports whether the pool's last day is past.
func (p Pool) over(today loyalty.Day) bool { return p.ValidUntil != 0 && p.ValidUntil < today }

// LastDay returns the last day of a code issued today, 0 for none. A shared code is
// issued to many on many days: only the pool's own end counts.
func (p Pool) LastDay(today loyalty.Day) loyalty.Day {
	if p.ValidFor == 0 || p.Kind == Shared {
		return p.ValidUntil
	}
	end := today + loyalty.Day(p.ValidFor)
	if p.ValidUntil != 0 && p.ValidUntil < end {
		return p.ValidUntil
	}
	return end
}

// limited reports whether giving a code has to count those already given.
func (p Pool) limited() bool { return p.Stock > 0 || p.Budget > 0 }

// lock keeps other givers of a limited pool out until the transaction ends, or
// two of them would give the same last code.
func (p Pool) lock(tx *store.Tx) error {
	if !p.limited() {
		return nil
	}
	return fold(tx, p.ID)
}

// fold locks the row of a pool and adds up in it what changed since it was written.
// The database's triggers note that: each code that comes, goes or changes its state,
// and each use.
func fold(tx *store.Tx, pool int64) error {
	if err := tx.One(&pool, "select id from pools where id = @pool "+tx.ForUpdate(), store.Args{"pool": pool}); err != nil {
		return err
	}
	var moves []counters
	err := tx.All(&moves, "delete from pool_moves where pool_id = @pool returning made, given, open, spent, free, reserved, issued, void", store.Args{"pool": pool})
	if err != nil || len(moves) == 0 {
		return err
	}
	var sum counters
	for _, m := range moves {
		sum.Made, sum.Given, sum.Open, sum.Spent = sum.Made+m.Made, sum.Given+m.Given, sum.Open+m.Open, sum.Spent+m.Spent
		sum.Free, sum.Reserved, sum.Issued, sum.Void = sum.Free+m.Free, sum.Reserved+m.Reserved, sum.Issued+m.Issued, sum.Void+m.Void
	}
	_, err = tx.Exec(`
		update pools
		set    made = made + @made, given = given + @given, open = open + @open, spent = spent + @spent,
		       free = free + @free, reserved = reserved + @reserved, issued = issued + @issued, void = void + @void
		where  id = @pool`,
		store.Args{"pool": pool, "made": sum.Made, "given": sum.Given, "open": sum.Open, "spent": sum.Spent,
			"free": sum.Free, "reserved": sum.Reserved, "issued": sum.Issued, "void": sum.Void})
	return err
}

// FoldAll adds up what changed in all pools. Those with a limit are added up whenever
// they give, the others once a day.
func FoldAll(tx *store.Tx) error {
	var pools []int64
	err := tx.All(&pools, "select distinct m.pool_id from pool_moves m join pools p on p.id = m.pool_id order by m.pool_id", nil)
	for i := 0; i < len(pools) && err == nil; i++ {
		err = fold(tx, pools[i])
	}
	if err != nil {
		return fmt.Errorf("adding up what pools gave: %w", err)
	}
	return nil
}

// counters are how many codes of a pool there are, and what was saved with them.
type counters struct {
	Made, Given, Open, Spent     int64
	Free, Reserved, Issued, Void int64 // in these states; the others follow
}

// unlimited is a room without end.
const unlimited = int64(1) << 62

// room says how many codes a pool may still give and how many it may still make.
type room struct{ give, mint int64 }

// roomOf says what stock and budget leave. A budget counts a code's worth while
// it can still be used or was; where the worth depends on the order, the
// discounts of those that were. A use that its order took back counts for neither.
// A code that is set aside for somebody counts as theirs.
func roomOf(tx *store.Tx, p Pool) (room, error) {
	r := room{unlimited, unlimited}
	if !p.limited() {
		return r, nil
	}
	n, err := counted(tx, p)
	if err != nil {
		return room{}, fmt.Errorf("counting pool %s: %w", p.Name, err)
	}
	if p.Stock > 0 {
		r.give, r.mint = p.Stock-n.Given, p.Stock-n.Made
	}
	switch w := p.worth(); {
	case p.Budget == 0:
	case w > 0:
		r.give = min(r.give, p.Budget/w-n.Open)
	case n.Spent >= p.Budget:
		r.give = 0
	}
	return room{max(0, r.give), max(0, r.mint)}, nil
}

// counted returns the counters of a limited pool, in a time that does not grow with what
// it gave.
func counted(tx *store.Tx, p Pool) (n counters, err error) {
	open := "0"
	if p.Budget > 0 && p.worth() > 0 {
		open = segments.CodesOpen
	}
	err = tx.One(&n, "select "+segments.CodesMade+" as made, "+segments.CodesGiven+" as given, "+open+" as open, "+segments.MoneySpent+" as spent from pools p where p.id = @pool",
		store.Args{"pool": p.ID})
	return n, err
}

// Left is how many codes a pool can give now, ErrOver once its last day is past.
func Left(tx *store.Tx, pool string, today loyalty.Day) (n int64, err error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	if p.over(today) {
		return 0, ErrOver
	}
	n, _, err = available(tx, p, today)
	return n, err
}
