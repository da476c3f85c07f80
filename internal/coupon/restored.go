package coupon

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// A code from stock cannot be derived anew. To whom each was given is therefore
// recorded outside the database, and a database that was restored from a copy gives
// nobody what lay in its stock: the codes are set aside. Taking the record in makes
// promises of them, so that whoever has one gets the same again, and of the rest a
// person says that nobody has them. A code that is set aside is good at the till:
// only who has it can show it.

// SetAside keeps all free codes from being given, and returns how many.
func SetAside(tx *store.Tx) (int64, error) {
	n, err := tx.Exec("update codes set state = 'aside' where member_id is null and state = 'free'", nil)
	if err != nil {
		return 0, fmt.Errorf("setting codes aside: %w", err)
	}
	return n, nil
}

// PutBack frees the codes of a pool that were set aside and promised to nobody, and
// returns how many, and how many stay for those who have them.
func PutBack(tx *store.Tx, pool string) (free, kept int64, err error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, 0, err
	}
	args := store.Args{"pool": p.ID}
	if free, err = tx.Exec("update codes set state = 'free' where "+inStock+" and state = 'aside' and not "+promised, args); err == nil {
		err = tx.One(&kept, "select count(*) from codes where "+inStock+" and state = 'aside'", args)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("putting codes of pool %s back: %w", pool, err)
	}
	return free, kept, nil
}

// Unsettled reports whether codes of a pool are set aside of which nobody has said
// yet whether somebody has them. Until then an empty pool is not to be believed.
func Unsettled(tx *store.Tx, pool string) (is bool, err error) {
	err = tx.One(&is, "select "+unsettled("p.id")+" from pools p where p.name = @name and p.removed_at is null", store.Args{"name": pool})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("codes of pool %s that are set aside: %w", pool, err)
	}
	return is, nil
}

// promised is the condition on a code that is set aside for somebody.
const promised = "(state = 'aside' and id in (select code_id from promises))"

// unsettled is the condition on a pool that has codes set aside for nobody.
func unsettled(pool string) string {
	return "exists (select 1 from codes a where a.pool_id = " + pool + " and a.member_id is null and a.state = 'aside' and a.id not in (select code_id from promises))"
}

// underRestore reports whether everything is held since the database was restored.
func underRestore(tx *store.Tx) (is bool, err error) {
	err = tx.One(&is, "select exists (select 1 from holds where scope = 'all' and by_whom = 'regulars')", nil)
	return is, err
}

// Given is a code from stock that somebody got, as it is recorded outside the database.
type Given struct {
	ID         int64 // of the code's row, to know what is recorded
	Pool, Code string
	Whom       string // keyed hash of the occurrence and the member
	At         loyalty.Instant
}

const kindGiven = "code"

// Fields are a Given as a row of the record of refusals: the hash stands where those
// have that of the address, pool and code as source and reason.
func (g Given) Fields() []string {
	at := g.At.UTC().Format(time.RFC3339Nano)
	return []string{kindGiven, strconv.FormatInt(g.ID, 10), g.Whom, "", "", g.Pool, g.Code, at, at}
}

// GivenFrom reads such a row; false: it is none.
func GivenFrom(fields []string) (g Given, ok bool) {
	if len(fields) != 9 || fields[0] != kindGiven {
		return g, false
	}
	id, err := strconv.ParseInt(fields[1], 10, 64)
	at, bad := time.Parse(time.RFC3339Nano, fields[7])
	return Given{id, fields[5], fields[6], fields[2], loyalty.At(at)}, err == nil && bad == nil && fields[2] != ""
}

// ReadGiven reads the given codes of a record of refusals and hands them on in pieces,
// in their order. Other rows are passed over, and so is a last one that was cut off.
func ReadGiven(r io.Reader, take func([]Given) error) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.LazyQuotes = -1, true
	var piece []Given
	for {
		fields, err := c.Read()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if g, ok := GivenFrom(fields); ok && err == nil {
			piece = append(piece, g)
		}
		if len(piece) == 1000 || err != nil && len(piece) > 0 {
			if err := take(piece); err != nil {
				return err
			}
			piece = nil
		}
		if err != nil {
			return nil
		}
	}
}

// Giving is when a code of a row was given.
type Giving struct {
	ID int64
	At loyalty.Instant
}

// GivenSince returns which codes from stock were given since a moment.
func GivenSince(tx *store.Tx, since loyalty.Instant) (all []Giving, err error) {
	err = tx.All(&all, "select id, reserved_at as at from codes where stock and reserved_at >= @since order by reserved_at, id", store.Args{"since": since})
	if err != nil {
		return nil, fmt.Errorf("codes given of late: %w", err)
	}
	return all, nil
}

// Record returns codes with those who have them. It needs a write transaction, for the
// secret that the hashes are keyed by is drawn once.
func Record(tx *store.Tx, ids []int64) (all []Given, err error) {
	var rows []struct {
		ID, Occurrence, Member int64
		Pool, Code             string
		At                     loyalty.Instant
	}
	err = tx.All(&rows, `
		select c.id, p.name as pool, c.code, c.occurrence_id as occurrence, c.member_id as member, c.reserved_at as at
		from   codes c join pools p on p.id = c.pool_id
		where  c.id in (select value from `+tx.JSONEach("@ids")+`)
		and    c.state in ('reserved', 'issued', 'redeemed', 'expired') and c.occurrence_id is not null and c.member_id is not null
		order  by c.reserved_at, c.id`, store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return nil, fmt.Errorf("to whom %d codes were given: %w", len(ids), err)
	}
	byPool := map[string][]int{}
	for i, r := range rows {
		byPool[r.Pool] = append(byPool[r.Pool], i)
		all = append(all, Given{ID: r.ID, Pool: r.Pool, Code: r.Code, At: r.At})
	}
	for pool, list := range byPool {
		people := make([]To, len(list))
		for i, n := range list {
			people[i] = To{rows[n].Occurrence, rows[n].Member}
		}
		whom, err := hashed(tx, pool, people)
		if err != nil {
			return nil, err
		}
		for i, n := range list {
			all[n].Whom = whom[i]
		}
	}
	return all, nil
}

// hashed returns the keyed hashes by which people in their occurrences are recorded.
func hashed(tx *store.Tx, pool string, people []To) ([]string, error) {
	secret, err := tx.Secret(settingCodes, rand.Reader)
	if err != nil {
		return nil, err
	}
	names, err := namesOf(tx, pool, people)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte("given\x00" + name))
		names[i] = hex.EncodeToString(h.Sum(nil)[:16])
	}
	return names, nil
}

// TakenBack counts what came of taking a record of given codes in.
type TakenBack struct{ Read, Promised, Known, Strangers int64 }

// String says it in words.
func (t TakenBack) String() string {
	text := fmt.Sprintf("%d given codes read, %d kept for whoever has them, %d known", t.Read, t.Promised, t.Known)
	if t.Strangers > 0 {
		text += fmt.Sprintf("; %d are void, or of pools that are not known here: apply the program first", t.Strangers)
	}
	return text
}

// TakeBack takes codes in that are recorded as given: each is kept for who has it.
// Taking them in again changes nothing. What the copy knows to be given later stands.
func TakeBack(tx *store.Tx, all []Given, sum *TakenBack) error {
	sum.Read += int64(len(all))
	byPool := map[string]map[string]Given{} // pool → folded → the last time that it was given
	for _, g := range all {
		if byPool[g.Pool] == nil {
			byPool[g.Pool] = map[string]Given{}
		}
		folded := loyalty.FoldCode(g.Code)
		if was, ok := byPool[g.Pool][folded]; !ok || !g.At.Before(was.At.Time) {
			byPool[g.Pool][folded] = g
		}
	}
	for name, given := range byPool {
		p := Pool{}
		err := tx.One(&p.ID, "select id from pools where name = @name", store.Args{"name": name})
		if errors.Is(err, store.ErrNotFound) {
			sum.Strangers += int64(len(given))
			continue
		}
		p.Name = name
		if err == nil {
			err = p.takeBack(tx, given, sum)
		}
		if err != nil {
			return fmt.Errorf("codes of pool %s that were given: %w", name, err)
		}
	}
	return nil
}

func (p Pool) takeBack(tx *store.Tx, given map[string]Given, sum *TakenBack) error {
	var fresh []row
	folded := make([]string, 0, len(given))
	for f, g := range given {
		folded = append(folded, f)
		fresh = append(fresh, row{Code: g.Code, Folded: f})
	}
	slices.Sort(folded)
	slices.SortFunc(fresh, func(a, b row) int { return strings.Compare(a.Folded, b.Folded) })
	if _, err := insert(tx, p, StateAside, fresh, 0); err != nil {
		return err
	}
	var here []struct {
		ID, PoolID, Occurrence, Member int64
		Folded, State                  string
		At                             loyalty.Instant
	}
	err := tx.All(&here, `
		select id, pool_id, folded, state, coalesce(occurrence_id, 0) as occurrence, coalesce(member_id, 0) as member, reserved_at as at
		from   codes where folded in (select folded from `+tx.Values("folded text")+`) order by id `+tx.ForUpdate(), store.Args{"rows": store.Column(folded)})
	if err != nil {
		return err
	}
	var people []To
	for _, c := range here {
		people = append(people, To{c.Occurrence, c.Member})
	}
	whom, err := hashed(tx, p.Name, people)
	if err != nil {
		return err
	}
	var ids []int64
	var promises [][]any
	for i, c := range here {
		g := given[c.Folded]
		owned := c.Occurrence != 0 && c.Member != 0
		switch {
		case c.PoolID != p.ID || c.State == StateVoid:
			sum.Strangers++
		case owned && (whom[i] == g.Whom || c.State != StateReserved || !g.At.After(c.At.Time)):
			sum.Known++
		default: // free in the copy, or reserved there for somebody who did not get it
			sum.Promised++
			ids = append(ids, c.ID)
			promises = append(promises, []any{c.ID, g.Whom, g.At})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = tx.Exec(`
		update codes set state = case when state in ('free', 'reserved') then 'aside' else state end, occurrence_id = null, member_id = null
		where  id in (select value from `+tx.JSONEach("@ids")+`)`, store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return err
	}
	return p.promise(tx, promises)
}

// promise writes down for whom codes are: the latest word of each code and each person.
func (p Pool) promise(tx *store.Tx, rows [][]any) error {
	args := store.Args{"pool": p.ID, "rows": store.Rows(rows)}
	list := tx.Values("code_id bigint", "whom text", "at timestamptz")
	if _, err := tx.Exec(`
		delete from promises
		where  pool_id = @pool
		and    exists (select 1 from `+list+` where (r.code_id = promises.code_id or r.whom = promises.whom) and r.at >= promises.at)`, args); err != nil {
		return err
	}
	_, err := tx.Exec(`
		insert into promises (code_id, pool_id, whom, at)
		select r.code_id, cast(@pool as bigint), r.whom, r.at from `+list+` where true order by r.at desc, r.code_id
		on conflict do nothing`, args)
	return err
}

func hasPromises(tx *store.Tx, p Pool) (has bool, err error) {
	err = tx.One(&has, "select exists (select 1 from promises where pool_id = @pool)", store.Args{"pool": p.ID})
	return has, err
}

// keepPromises gives people the codes of a pool that they have already, and returns
// to how many. None of them has a row of that pool in that occurrence.
func keepPromises(tx *store.Tx, p Pool, people []To) (int64, error) {
	has, err := hasPromises(tx, p)
	if err != nil || !has || len(people) == 0 {
		return 0, err
	}
	whom, err := hashed(tx, p.Name, people)
	if err != nil {
		return 0, err
	}
	var found []struct {
		ID   int64
		Whom string
	}
	err = tx.All(&found, `
		select c.id, p.whom
		from   promises p join codes c on c.id = p.code_id
		where  p.pool_id = @pool and p.whom in (select whom from `+tx.Values("whom text")+`) and c.member_id is null and c.state in ('aside', 'redeemed', 'expired')`,
		store.Args{"pool": p.ID, "rows": store.Column(whom)})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	owners := make(map[string]To, len(people))
	for i, who := range people {
		owners[whom[i]] = who
	}
	codes, to := make([]int64, len(found)), make([]To, len(found))
	for i, f := range found {
		codes[i], to[i] = f.ID, owners[f.Whom]
	}
	return reserve(tx, codes, to)
}
