package coupon

import (
	"database/sql"
	"fmt"
	"io"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Short says that a pool has fewer codes than an audience needs. Nothing may
// have been given: the transaction that got it must not last.
type Short struct {
	Pool       string
	Have, Need int64
}

// Error implements error.
func (s *Short) Error() string {
	return fmt.Sprintf("pool %s has %d codes, %d are needed", s.Pool, s.Have, s.Need)
}

// Numbers says which codes the sends of a run are to have that is being frozen.
type Numbers struct {
	// ID is the id of a send's code, as SQL for the statement that inserts the send:
	// so nobody has to change the sends again. "null": it is found out afterwards.
	ID string

	made bool // the codes are made once their sends are there
}

// Number returns the numbers of the codes for a run. Those that are made for their
// members have theirs before they are there, and a shared one has one for all. Which
// ones lie in stock, or are promised to somebody, GiveAll finds.
func Number(tx *store.Tx, pool string) (Numbers, error) {
	n, err := number(tx, pool)
	if err != nil {
		return n, fmt.Errorf("numbering codes of pool %s: %w", pool, err)
	}
	return n, nil
}

func number(tx *store.Tx, pool string) (Numbers, error) {
	later := Numbers{ID: "null"}
	p, err := Find(tx, pool)
	if err != nil || !p.mints() {
		return later, err
	}
	var other bool
	err = tx.One(&other, "select exists (select 1 from promises where pool_id = @pool) or exists (select 1 from codes where "+p.claimable()+")", store.Args{"pool": p.ID})
	if err != nil || other {
		return later, err
	}
	return Numbers{ID: tx.NextID("codes"), made: true}, nil
}

// GiveAll reserves a code for each queued send of a run that has none, or only the
// number of one, in few statements, and returns for how many. It starts with enough
// codes or not at all: *Short says what is missing.
func GiveAll(tx *store.Tx, pool string, run int64, numbers Numbers, today loyalty.Day, random io.Reader) (int64, error) {
	n, err := giveAll(tx, pool, run, numbers, today, random)
	if err != nil {
		return 0, fmt.Errorf("giving codes to run %d: %w", run, err)
	}
	return n, nil
}

func giveAll(tx *store.Tx, pool string, run int64, numbers Numbers, today loyalty.Day, random io.Reader) (need int64, err error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, err
	}
	if err := p.lock(tx); err != nil {
		return 0, err
	}
	if numbers.made {
		return makeAll(tx, p, run, today, random)
	}
	if err := promisedAll(tx, p, run, today); err != nil {
		return 0, err
	}
	if err := tx.One(&need, "select count(*) from sends where "+wanting, store.Args{"run": run}); err != nil || need == 0 {
		return 0, err
	}
	have, stock, err := available(tx, p, today)
	switch {
	case err != nil:
		return 0, err
	case have < need:
		return 0, &Short{p.Name, have, need}
	case p.Kind == Shared:
		return need, shareAll(tx, p, run)
	}
	if stock > 0 {
		if err := stockAll(tx, p, run, min(stock, need)); err != nil {
			return 0, err
		}
	}
	return need, mintAll(tx, p, run, need, random)
}

// makeAll makes the codes whose numbers the sends of a run have.
func makeAll(tx *store.Tx, p Pool, run int64, today loyalty.Day, random io.Reader) (int64, error) {
	m := minting{tx: tx, p: p, run: run, who: "run_id = @run and state = 'queued' and code_id is not null"}
	if err := m.span(); err != nil || m.n == 0 {
		return 0, err
	}
	have, _, err := available(tx, p, today)
	switch {
	case err != nil:
		return 0, err
	case have < m.n:
		return 0, &Short{p.Name, have, m.n}
	}
	return m.n, m.all(random)
}

// wanting is the condition on a send of a run that is to get a code.
const wanting = "run_id = @run and state = 'queued' and code_id is null"

// available returns how many codes a pool can give now, and how many of them lie
// in stock.
func available(tx *store.Tx, p Pool, today loyalty.Day) (have, stock int64, err error) {
	if p.over(today) {
		return 0, 0, nil
	}
	if p.Kind == Shared {
		var ended bool
		err := tx.One(&ended, "select exists (select 1 from codes where pool_id = @pool and state <> 'issued')", store.Args{"pool": p.ID})
		if err != nil || ended {
			return 0, 0, err
		}
		return unlimited, 0, nil
	}
	r, err := roomOf(tx, p)
	if err != nil {
		return 0, 0, err
	}
	if err := tx.One(&stock, "select count(*) from codes where "+p.claimable(), store.Args{"pool": p.ID}); err != nil {
		return 0, 0, err
	}
	have = stock
	if p.mints() {
		have = min(unlimited, stock+r.mint)
	}
	return min(have, r.give), stock, nil
}

func shareAll(tx *store.Tx, p Pool, run int64) error {
	id, _, err := sharedCode(tx, p)
	if err != nil {
		return err
	}
	_, err = tx.Exec("update sends set code_id = @code where "+wanting, store.Args{"run": run, "code": id})
	return err
}

// stockAll pairs the first free codes with the first sends that want one. Codes
// that another transaction is taking are passed over.
func stockAll(tx *store.Tx, p Pool, run, n int64) error {
	got, err := tx.Exec(`
		update codes
		set    state = 'reserved', occurrence_id = s.occurrence_id, member_id = s.member_id, reserved_at = @now
		from  (select occurrence_id, member_id, row_number() over (order by id) as n from sends where `+wanting+`) s
		join  (select id, row_number() over (order by id) as n
		       from  (select id from codes where `+p.claimable()+` order by id limit @n `+tx.SkipLocked()+`) first) c on c.n = s.n
		where  codes.id = c.id`, store.Args{"pool": p.ID, "run": run, "n": n, "now": tx.At})
	if err != nil {
		return err
	}
	if got < n && !p.mints() {
		return &Short{p.Name, got, n}
	}
	return attach(tx, p, run)
}

// promisedAll gives the members of a run the codes that they have already.
func promisedAll(tx *store.Tx, p Pool, run int64, today loyalty.Day) error {
	any, err := hasPromises(tx, p)
	if err != nil || !any || p.over(today) {
		return err
	}
	var want []To
	if err := tx.All(&want, "select occurrence_id as occurrence, member_id as member from sends where "+wanting+" order by id", store.Args{"run": run}); err != nil {
		return err
	}
	for slice := range slices.Chunk(want, mintSlice) {
		if _, err := keepPromises(tx, p, slice); err != nil {
			return err
		}
	}
	return attach(tx, p, run)
}

// attach notes on the sends of a run the codes that their members have by now.
func attach(tx *store.Tx, p Pool, run int64) error {
	_, err := tx.Exec(`
		update sends
		set    code_id = c.id
		from   codes c
		where  sends.run_id = @run and sends.state = 'queued' and sends.code_id is null
		and    c.pool_id = @pool and c.occurrence_id = sends.occurrence_id and c.member_id = sends.member_id
		and    c.state <> 'void'`, store.Args{"run": run, "pool": p.ID})
	return err
}

// mintAll makes a code for each send of a run that still wants one.
func mintAll(tx *store.Tx, p Pool, run, need int64, random io.Reader) error {
	m := minting{tx: tx, p: p, run: run, who: wanting}
	err := m.span()
	switch {
	case err != nil || m.n == 0:
		return err
	case !p.mints():
		return &Short{p.Name, need - m.n, need}
	}
	if err := m.all(random); err != nil {
		return err
	}
	return attach(tx, p, run)
}

// minting is the making of codes for a run.
type minting struct {
	tx  *store.Tx
	p   Pool
	run int64
	who string // the condition on a send that gets one

	first, last, n int64 // sends
	derive         *stream
	names          map[int64]string // of occurrences
	people         []To
	ids            []int64 // of their codes; 0: any
	whom           []string
}

// span finds out which sends get one.
func (m *minting) span() error {
	var ids struct{ First, Last, N int64 }
	err := m.tx.One(&ids, "select coalesce(min(id), 0) as first, coalesce(max(id), -1) as last, count(*) as n from sends where "+m.who, store.Args{"run": m.run})
	m.first, m.last, m.n = ids.First, ids.Last, ids.N
	return err
}

// all makes them. It goes through the run by the ids of its sends, which lie close
// together: so each statement reads what it needs, whatever Postgres believes of a
// ledger that it has not analysed.
func (m *minting) all(random io.Reader) (err error) {
	m.names = map[int64]string{}
	if m.derive, err = deriving(m.tx, random); err != nil {
		return err
	}
	for from := m.first; from <= m.last; from += mintSlice {
		if err := m.some(from, from+mintSlice); err != nil {
			return err
		}
	}
	return nil
}

// some makes codes for the sends from one id up to before another.
func (m *minting) some(from, before int64) error {
	if err := m.read(from, before); err != nil || len(m.people) == 0 {
		return err
	}
	names := make([]string, len(m.people))
	for i, who := range m.people {
		what, ok := m.names[who.Occurrence]
		if !ok { // a run has one
			all, err := occurrenceNames(m.tx, m.people[i:i+1])
			if err != nil {
				return err
			}
			what = all[who.Occurrence]
			m.names[who.Occurrence] = what
		}
		names[i] = nameOf(m.p.Name, what, m.whom[i])
	}
	people, ids := m.people, m.ids
	for try := range mintTries {
		left, err := m.p.mint(m.tx, m.p.derivedBy(m.derive, people, ids, names, try))
		if err != nil || len(left) == 0 {
			return err
		}
		k := 0
		for i, who := range people {
			if k < len(left) && who == left[k] {
				ids[k], names[k] = ids[i], names[i]
				k++
			}
		}
		people, ids, names = left, ids[:k], names[:k]
	}
	return fmt.Errorf("%w: the pattern %s has too few codes", ErrEmpty, m.p.Pattern)
}

// read reads who gets a code, with what they are known by.
func (m *minting) read(from, before int64) error {
	m.people, m.ids, m.whom = m.people[:0], m.ids[:0], m.whom[:0]
	rows, err := m.tx.Query(`
		select s.occurrence_id, s.member_id, coalesce(s.code_id, 0), m.external_id, m.named, case when not m.named then m.email_key end
		from   sends s join members m on m.id = s.member_id
		where  s.`+m.who+` and s.id >= @from and s.id < @before
		order  by s.id`, store.Args{"run": m.run, "from": from, "before": before})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var to To
		var code int64
		var id string
		var named bool
		var key sql.RawBytes
		if err := rows.Scan(&to.Occurrence, &to.Member, &code, &id, &named, &key); err != nil {
			return err
		}
		m.people, m.ids, m.whom = append(m.people, to), append(m.ids, code), append(m.whom, memberName(id, named, key))
	}
	return rows.Err()
}
