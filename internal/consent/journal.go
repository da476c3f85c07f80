package consent

import (
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

// A No is a refusal or a suppression as it is written down outside the database, so
// that it holds after a restore too. It names nobody: the address is its keyed hash,
// the member the shop's id.
type No struct {
	Kind     string // refusal | address | suppression
	ID       int64  // of the refusal's row, to know how far the record has come; 0: one of an address
	EmailKey []byte // may be empty: no address
	Member   string // external id; "": one of an address
	Topic    string
	Source   string // where the person said so
	Reason   string // of a suppression
	At       loyalty.Instant
	Recorded loyalty.Instant
}

// The kinds of a No.
const (
	noRefusal     = "refusal"
	noAddress     = "address" // a refusal for an address that is no member's at present
	noSuppression = "suppression"
)

// NoColumns heads a file of refusals and suppressions.
var NoColumns = []string{"kind", "id", "email_key", "member", "topic", "source", "reason", "at", "recorded_at"}

// Fields are a No as a row of that file.
func (n No) Fields() []string {
	return []string{n.Kind, strconv.FormatInt(n.ID, 10), hex.EncodeToString(n.EmailKey), n.Member, n.Topic, n.Source, n.Reason,
		n.At.UTC().Format(time.RFC3339Nano), n.Recorded.UTC().Format(time.RFC3339Nano)}
}

// NoFrom reads such a row.
func NoFrom(fields []string) (n No, err error) {
	if len(fields) != len(NoColumns) || !slices.Contains([]string{noRefusal, noAddress, noSuppression}, fields[0]) {
		return n, errors.New("not a row of a record of refusals")
	}
	n = No{Kind: fields[0], Member: fields[3], Topic: fields[4], Source: fields[5], Reason: fields[6]}
	if n.ID, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
		return n, fmt.Errorf("id: %w", err)
	}
	if n.EmailKey, err = hex.DecodeString(fields[2]); err != nil {
		return n, fmt.Errorf("email_key: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, fields[7])
	if err != nil {
		return n, fmt.Errorf("at: %w", err)
	}
	recorded, err := time.Parse(time.RFC3339Nano, fields[8])
	n.At, n.Recorded = loyalty.At(at), loyalty.At(recorded)
	return n, err
}

// Noes returns the refusals after a row, and the suppressions and the refusals of
// addresses that are no member's since a moment, oldest first, at most so many of
// each, and the last row that there is.
func Noes(tx *store.Tx, after int64, since loyalty.Instant, most int) (all []No, last int64, err error) {
	if err := tx.One(&last, "select coalesce(max(id), 0) from consents", nil); err != nil {
		return nil, 0, err
	}
	args := store.Args{"after": after, "since": since, "most": most, "many": 200_000} // an import of suppressions is of one moment
	err = tx.All(&all, `
		select 'refusal' as kind, c.id, m.email_key, m.external_id as member, c.topic, c.source, '' as reason, c.at, c.recorded_at as recorded
		from   consents c join members m on m.id = c.member_id
		where  c.id > @after and not c.granted
		order  by c.id
		limit  @most`, args)
	if err != nil {
		return nil, 0, fmt.Errorf("reading refusals: %w", err)
	}
	var gone []No
	err = tx.All(&gone, `
		select 'suppression' as kind, email_key, '' as topic, source, reason, at, at as recorded
		from   suppressions
		where  at >= @since
		union all
		select 'address', f.email_key, f.topic, f.source, '', f.at, f.at
		from   refusals f
		where  f.at >= @since
		and    not exists (select 1 from members m join consents c on c.member_id = m.id and c.topic = f.topic and not c.granted and c.at = f.at
		                   where  m.email_key = f.email_key)
		order  by at
		limit  @many`, args)
	if err != nil {
		return nil, 0, fmt.Errorf("reading suppressions and refusals of addresses: %w", err)
	}
	return append(all, gone...), last, nil
}

// Recalled counts what came of taking a record of refusals in again.
type Recalled struct{ Read, Refusals, Suppressions, Strangers int64 }

// String says it in words.
func (r Recalled) String() string {
	text := fmt.Sprintf("%d read, %d refusals and %d suppressions hold", r.Read, r.Refusals, r.Suppressions)
	if r.Strangers > 0 {
		text += fmt.Sprintf("; %d refusals are of people not known here: they hold for the addresses, until a later yes with its time", r.Strangers)
	}
	return text
}

// Recall takes noes in that were written down outside the database. Taking them in
// again changes nothing. A refusal holds for its address too, also where nobody here
// has it yet: who comes back with an order said no after it.
func Recall(tx *store.Tx, noes []No, sum *Recalled) error {
	var answers []Answer
	keys := map[string][][]byte{}
	for _, n := range noes {
		sum.Read++
		if n.Kind == noSuppression {
			keys[n.Reason] = append(keys[n.Reason], n.EmailKey)
			sum.Suppressions++
			continue
		}
		if !slices.Contains(Topics(), n.Topic) {
			continue
		}
		var members []int64
		err := tx.All(&members, "select id from members where (external_id = @id or email_key = @key) and erased_at is null and merged_into is null order by id",
			store.Args{"id": n.Member, "key": n.EmailKey})
		if err != nil {
			return fmt.Errorf("finding who refused: %w", err)
		}
		for _, id := range members {
			answers = append(answers, Answer{id, n.Topic, false, How{At: n.At, Source: n.Source, History: true}})
		}
		if len(members) > 0 {
			sum.Refusals++
		} else {
			sum.Strangers++
		}
		if len(n.EmailKey) > 0 {
			if err := refuseAddress(tx, n.EmailKey, n.Topic, n.At, n.Source, false); err != nil {
				return err
			}
		}
	}
	for reason, list := range keys {
		if err := SuppressAll(tx, list, reason, "record of refusals"); err != nil {
			return err
		}
	}
	return SetAll(tx, answers)
}

// ReadNoes reads a record of refusals row by row and hands it on in pieces. A last line
// that was cut off is left out.
func ReadNoes(r io.Reader, take func([]No) error) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.LazyQuotes = -1, true
	var piece []No
	for line := 1; ; line++ {
		fields, err := c.Read()
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d: %w", line, err)
		}
		last := err != nil
		if !last && !slices.Equal(fields, NoColumns) {
			n, err := NoFrom(fields)
			if err == nil {
				piece = append(piece, n)
			}
		}
		if len(piece) == 1000 || last {
			if err := take(piece); err != nil || last {
				return err
			}
			piece = nil
		}
	}
}

// IsNoes reports whether a file's first line heads a record of refusals.
func IsNoes(first string) bool { return strings.TrimSpace(first) == strings.Join(NoColumns, ",") }
