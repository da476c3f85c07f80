package report

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"regulars/internal/loyalty"
	"regulars/internal/phone"
	"regulars/internal/store"
)

// Member is what a marketer sees of a member.
type Member struct {
	Number    int64           `json:"-"` // of its row, which pages name it by
	ID        string          `json:"id"`
	Email     string          `json:"email"`
	FirstName string          `json:"first_name"`
	LastName  string          `json:"last_name"`
	Language  string          `json:"language"`
	Country   string          `json:"country"`
	TimeZone  string          `json:"time_zone"`
	JoinedAt  loyalty.Instant `json:"joined_at"`
	Orders    int64           `json:"orders"`
	Spent     int64           `json:"spent_minor"`
	FirstDay  *loyalty.Day    `json:"first_order"`
	LastDay   *loyalty.Day    `json:"last_order"`
	Points    int64           `json:"points"`
	Segments  []string        `json:"segments" gorm:"-"`
	Sends     []Send          `json:"sends" gorm:"-"`
}

const memberColumns = `
	m.id as number, m.external_id as id, m.email, m.first_name, m.last_name, m.language, m.country, m.time_zone, m.joined_at,
	coalesce(f.orders, 0) as orders, coalesce(f.spent, 0) as spent, f.first_day, f.last_day, coalesce(f.points, 0) as points`

// FindMembers returns members by the beginning of their id or name, or by their whole
// address, card or phone, or by the number of an order or a code of theirs: fifty of them
// at most, sorted by id.
func FindMembers(tx *store.Tx, text string) ([]Member, error) {
	text = strings.TrimSpace(text)
	folded := fold(text)
	if folded == "" && text != "" { // nothing but accents
		folded = text
	}
	country, err := tx.Setting(store.SettingPhones)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	keyed := []int64{}
	err = tx.All(&keyed, "select member_id from member_keys where kind = 'email' and value = @lower or kind = 'card' and value = @text or kind = 'phone' and value = @phone limit @most",
		store.Args{"text": text, "lower": strings.ToLower(text), "phone": phone.Read(text, country), "most": mostFound})
	if err != nil {
		return nil, err
	}
	if keyed, err = ofPapers(tx, keyed, text); err != nil {
		return nil, err
	}
	ids := []int64{}
	if len(keyed) == 0 || !strings.Contains(text, "@") { // a whole address is nobody's name
		if ids, err = named(tx, folded); err != nil {
			return nil, err
		}
	}
	list := []Member{}
	err = tx.All(&list, "select"+memberColumns+`
		from   members m
		left   join facts f on f.member_id = m.id
		where  m.merged_into is null and m.erased_at is null and m.id in (select value from `+tx.JSONEach("@ids")+`)
		order  by m.external_id
		limit  @most`, store.Args{"ids": store.JSON(append(keyed, ids...)), "most": mostFound})
	return list, err
}

// ofPapers adds to members those whose order or code a text names: what somebody who
// writes to the shop has before them. A shop may write # before the number.
func ofPapers(tx *store.Tx, members []int64, text string) ([]int64, error) {
	number := strings.TrimPrefix(text, "#")
	if number == "" {
		return members, nil
	}
	var found []int64
	err := tx.All(&found, `
		with recursive sources(source) as ( -- the first, the next one …: they are few, and orders are many
		    select min(source) from orders
		    union all
		    select (select min(o.source) from orders o where o.source > s.source) from sources s where s.source is not null)
		select o.member_id
		from   sources s
		join   orders o on o.source = s.source and o.external_id in (@text, @number, @hash)
		union  all
		select member_id from codes where folded = @code and member_id is not null
		limit  @most`, store.Args{"text": text, "number": number, "hash": "#" + number, "code": loyalty.FoldCode(text), "most": mostFound})
	return append(members, found...), err
}

// ShowMember returns one member with segments and the newest sends.
func ShowMember(tx *store.Tx, id int64) (m Member, err error) {
	args := store.Args{"id": id}
	if err = tx.One(&m, "select"+memberColumns+" from members m left join facts f on f.member_id = m.id where m.id = @id", args); err != nil {
		return m, err
	}
	m.Segments = []string{}
	err = tx.All(&m.Segments, `
		select s.name from segment_members i join segments s on s.id = i.segment_id
		where  i.member_id = @id and i.left_at is null and s.removed_at is null order by s.name`, args)
	if err != nil {
		return m, err
	}
	m.Sends = []Send{}
	err = tx.All(&m.Sends, `
		select s.id, c.name as campaign, s.step, '' as member, s.state, s.reason, s.queued_at, s.handed_at, s.done_at, s.attempts, coalesce(k.code, '') as code
		from   sends s join campaigns c on c.id = s.campaign_id left join codes k on k.id = s.code_id
		where  s.member_id = @id order by s.id desc limit 30`, args)
	return m, err
}

// letters are those that are one letter to Unicode and two, or another one, to who
// types a name without having it on the keyboard.
var letters = strings.NewReplacer("ı", "i", "ł", "l", "ø", "o", "đ", "d", "ð", "d", "æ", "ae", "œ", "oe", "þ", "th")

// fold returns a text as searches compare it: without case and accents, so that
// ÅSTRÖM, åström and astrom are one, as are GROSS and Groß, ΓΙΏΡΓΟΣ and Γιώργος,
// İnan and inan.
func fold(text string) string {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain {
		return strings.ToLower(text)
	}
	folded := strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFKD.String(cases.Fold().String(norm.NFKD.String(text))))
	return letters.Replace(folded)
}
