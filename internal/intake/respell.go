package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Rows of an older version keep the spelling in which they came: letters that are not
// composed, ids, cards and addresses with a spreadsheet's apostrophe. Today's reading
// would not find them and make a second member or a second order. Respell brings them
// into today's spelling, once in the life of a database, after its migration.

// settingRespelled says how far that is.
const settingRespelled = "respelled"

type respelled struct {
	Members, Orders int64 // ids up to which they are done
	Done            bool
}

// respellAtOnce is how many members or orders one transaction looks at.
const respellAtOnce = 2000

// Respell does what is left of it, in transactions of its own. Where somebody else has
// today's spelling already, both stay as they are: the doctor names them.
func Respell(ctx context.Context, db *store.DB) error {
	var at respelled
	err := db.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Setting(settingRespelled)
		if err == nil {
			err = json.Unmarshal([]byte(text), &at)
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("how far older rows are in today's spelling: %w", err)
	}
	for done := at.Done; !done; {
		err := db.Update(ctx, func(tx *store.Tx) (err error) {
			done, err = respellSome(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("bringing older rows into today's spelling: %w", err)
		}
	}
	return nil
}

func respellSome(tx *store.Tx) (done bool, err error) {
	text, err := tx.SettingOr(settingRespelled, func() string { return "{}" })
	if err != nil {
		return false, err
	}
	var at respelled
	if err := json.Unmarshal([]byte(text), &at); err != nil || at.Done {
		return at.Done, err
	}
	err = tx.One(&text, "select value from settings where key = @key "+tx.ForUpdate(), store.Args{"key": settingRespelled}) // one replica at a time
	if err == nil {
		err = json.Unmarshal([]byte(text), &at)
	}
	if err != nil || at.Done {
		return at.Done, err
	}
	next := func(table string, after int64) (last int64, err error) {
		err = tx.One(&last, fmt.Sprintf("select coalesce(max(id), 0) from (select id from %s where id > @after order by id limit %d) w", table, respellAtOnce), store.Args{"after": after})
		return last, err
	}
	last, err := next("members", at.Members)
	if err != nil {
		return false, err
	}
	if last > 0 {
		if err := respellMembers(tx, at.Members, last); err != nil {
			return false, err
		}
		at.Members = last
	} else if last, err = next("orders", at.Orders); err != nil {
		return false, err
	} else if last > 0 {
		if err := respellOrders(tx, at.Orders, last); err != nil {
			return false, err
		}
		at.Orders = last
	} else {
		at.Done = true
	}
	return at.Done, tx.SetSetting(settingRespelled, store.JSON(at))
}

// suspect is the condition that one of some columns may have another spelling today.
func suspect(tx *store.Tx, columns ...string) string {
	var all []string
	for _, c := range columns {
		if tx.Postgres() {
			all = append(all, c+` ~ '[^ -~]' or `+c+` like '''%'`)
		} else {
			all = append(all, c+` glob '*[^ -~]*' or `+c+` glob '''*'`)
		}
	}
	return "(" + strings.Join(all, " or ") + ")"
}

func respellMembers(tx *store.Tx, after, last int64) error {
	args := store.Args{"after": after, "last": last}
	var keys []struct {
		Kind, Value string
		MemberID    int64
	}
	err := tx.All(&keys, "select kind, value, member_id from member_keys where member_id > @after and member_id <= @last and "+suspect(tx, "value")+" order by kind, value, member_id", args)
	if err != nil {
		return err
	}
	var rows [][]any
	whose := map[personKey]int64{}
	for _, k := range keys {
		now := respellKey(k.Kind, k.Value)
		if now == k.Value {
			continue
		}
		one := personKey{k.Kind, now}
		if whose[one] == 0 {
			whose[one] = k.MemberID
		}
		if whose[one] == k.MemberID {
			rows = append(rows, []any{k.Kind, k.Value, now, k.MemberID})
		}
	}
	if err := respellKeys(tx, rows); err != nil {
		return err
	}
	var people []struct {
		ID                                                  int64
		ExternalID, Email, Phone, Card, FirstName, LastName string
	}
	err = tx.All(&people, "select id, external_id, email, phone, card, first_name, last_name from members where id > @after and id <= @last and "+
		suspect(tx, "external_id", "email", "phone", "card", "first_name", "last_name")+" order by id "+tx.ForUpdate(), args)
	if err != nil {
		return err
	}
	pepper, err := consent.Pepper(tx)
	if err != nil {
		return err
	}
	for _, p := range people {
		set := store.Args{"id": p.ID, "external": p.ExternalID, "email": p.Email, "phone": p.Phone, "card": p.Card, "first": name(p.FirstName), "last": name(p.LastName)}
		// What tells people apart follows the key, which stays where somebody else has it.
		for field, id := range map[string]struct{ kind, was, now string }{
			"external": {keyID, p.ExternalID, readID(p.ExternalID)},
			"phone":    {keyPhone, loyalty.FoldPhone(p.Phone), readID(p.Phone)},
			"card":     {keyCard, p.Card, readID(p.Card)},
			"email":    {keyEmail, strings.ToLower(p.Email), readID(p.Email)},
		} {
			if id.was == "" || set[field] == id.now {
				continue
			}
			stays, err := elsewhere(tx, id.kind, id.now, p.ID)
			if err != nil {
				return err
			}
			if !stays {
				set[field] = id.now
			}
		}
		email, key := "", []byte(nil)
		if set["email"] != p.Email {
			clean, folded, err := address.Read(set["email"].(string))
			if err != nil {
				clean = p.Email
			} else {
				key = consent.Key(pepper, folded)
			}
			email = clean
			set["email"] = clean
		}
		if _, err := tx.Exec(`
			update members
			set    external_id = case when exists (select 1 from members o where o.external_id = @external and o.id <> @id) then external_id else @external end,
			       email = @email, phone = @phone, card = @card, first_name = @first, last_name = @last
			where  id = @id`, set); err != nil {
			return err
		}
		if email == "" || key == nil {
			continue
		}
		if _, err := tx.Exec("update members set email_key = @key where id = @id", store.Args{"id": p.ID, "key": key}); err != nil {
			return err
		}
		if err := consent.Inherit(tx, []int64{p.ID}); err != nil {
			return err
		}
	}
	return respellTags(tx, args)
}

// elsewhere reports whether somebody else is known by a key.
func elsewhere(tx *store.Tx, kind, value string, member int64) (is bool, err error) {
	switch kind {
	case keyEmail:
		value = strings.ToLower(value)
	case keyPhone:
		value = loyalty.FoldPhone(value)
	}
	err = tx.One(&is, "select exists (select 1 from member_keys where kind = @kind and value = @value and member_id <> @id)",
		store.Args{"kind": kind, "value": value, "id": member})
	return is, err
}

// respellKey is a key in today's spelling.
func respellKey(kind, value string) string {
	switch kind {
	case keyEmail:
		if _, folded, err := address.Read(readID(value)); err == nil {
			return folded
		}
		return value
	case keyMade, keyShared: // what somebody was made of: its kind and its value
		if of, rest, ok := strings.Cut(value, ":"); ok {
			return of + ":" + respellKey(of, rest)
		}
	}
	return readID(value)
}

// respellKeys gives keys, rows of kind, value, new value and member, their new value
// where nobody else has it.
func respellKeys(tx *store.Tx, rows [][]any) error {
	columns := rel(tx, "kind text", "was text", "now text", "id bigint")
	const free = "not exists (select 1 from member_keys o where o.kind = r.kind and o.value = r.now and o.member_id <> r.id)"
	for chunk := range slices.Chunk(rows, respellAtOnce) {
		args := store.Args{"rows": relRows(chunk)}
		if _, err := tx.Exec(`
			insert into member_keys (kind, value, member_id)
			select r.kind, r.now, r.id from `+columns+` where `+free+` order by 1, 2, 3
			on conflict (kind, value, member_id) do nothing`, args); err != nil {
			return err
		}
		if _, err := tx.Exec(`
			delete from member_keys
			where (kind, value, member_id) in (select r.kind, r.was, r.id from `+columns+` where `+free+`)`, args); err != nil {
			return err
		}
	}
	return nil
}

func respellTags(tx *store.Tx, args store.Args) error {
	var tags []struct {
		MemberID int64
		Tag      string
	}
	if err := tx.All(&tags, "select member_id, tag from member_tags where member_id > @after and member_id <= @last and "+suspect(tx, "tag"), args); err != nil {
		return err
	}
	for _, t := range tags {
		now := name(t.Tag)
		if now == t.Tag {
			continue
		}
		one := store.Args{"id": t.MemberID, "was": t.Tag, "now": now}
		if _, err := tx.Exec("insert into member_tags (member_id, tag) values (@id, @now) on conflict (member_id, tag) do nothing", one); err != nil {
			return err
		}
		if _, err := tx.Exec("delete from member_tags where member_id = @id and tag = @was", one); err != nil {
			return err
		}
	}
	return nil
}

func respellOrders(tx *store.Tx, after, last int64) error {
	args := store.Args{"after": after, "last": last}
	var orders []struct {
		ID               int64
		ExternalID, Shop string
	}
	err := tx.All(&orders, "select id, external_id, shop from orders where id > @after and id <= @last and "+suspect(tx, "external_id", "shop")+" order by id "+tx.ForUpdate(), args)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, o := range orders {
		if id, shop := readID(o.ExternalID), name(o.Shop); id != o.ExternalID || shop != o.Shop {
			rows = append(rows, []any{o.ID, id, shop})
		}
	}
	for _, r := range rows { // one after the other: two of them may come to one number
		if _, err := tx.Exec(`
			update orders
			set    shop = @shop, external_id = case
			       when exists (select 1 from orders o where o.source = orders.source and o.external_id = @number and o.id <> @id)
			       then external_id else @number end
			where  id = @id`, store.Args{"id": r[0], "number": r[1], "shop": r[2]}); err != nil {
			return err
		}
	}
	var lines []struct {
		OrderID                        int64
		N                              int
		Product, Name, Category, Brand string
	}
	err = tx.All(&lines, "select order_id, n, product, name, category, brand from order_lines where order_id > @after and order_id <= @last and "+
		suspect(tx, "product", "name", "category", "brand")+" order by order_id, n", args)
	if err != nil {
		return err
	}
	rows = nil
	for _, l := range lines {
		product, called, category, brand := readID(l.Product), name(l.Name), name(l.Category), name(l.Brand)
		if product != l.Product || called != l.Name || category != l.Category || brand != l.Brand {
			rows = append(rows, []any{l.OrderID, l.N, product, called, category, brand})
		}
	}
	for chunk := range slices.Chunk(rows, respellAtOnce) {
		if _, err := tx.Exec(`
			update order_lines set product = r.product, name = r.name, category = r.category, brand = r.brand
			from   `+rel(tx, "order_id bigint", "n bigint", "product text", "name text", "category text", "brand text")+`
			where  order_lines.order_id = r.order_id and order_lines.n = r.n`, store.Args{"rows": relRows(chunk)}); err != nil {
			return err
		}
	}
	return nil
}
