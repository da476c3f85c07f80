package segments

// codeFields are about coupon codes: held, used, running out.
func codeFields() []*entry {
	return []*entry{
		{name: "unused", typ: Bool, what: "pool", from: fromCodes, undated: true,
			noun: "holds a code of the pool, given in this campaign, that is still good", says: "who hold an unused code of {x}",
			also: []string{"unused_code", "has_coupon", "coupon"},
			in:   condition(unusedCode)},
		{name: "holds_code", typ: Bool, what: "pool", from: fromCodes, undated: true,
			noun: "holds a code of the pool that was mailed, is not used and still good", says: "who hold a code of {x}", denies: "who hold no code of {x}",
			also: []string{"has_code", "holds_coupon", "code"},
			in:   presence{rows: ofPool(held, "c")}},
		{name: "codes_held", typ: Number, from: fromCodes, undated: true,
			noun: "number of codes that were mailed, are not used and still good", says: "who hold {n}", unit: "code",
			also: []string{"coupons", "codes", "coupons_held", "open_codes"},
			in:   figure{rows: held, sum: "count(*)"}},
		{name: "code_expires_in", typ: Bool, window: true, spanned: true, ahead: true, from: fromCodes, undated: true,
			noun: "holds a code whose last good day is one of the next days, today included", says: "who hold a code that ends",
			also: []string{"expiring_code", "code_expires", "coupon_expires", "expires_in"},
			in:   presence{rows: ending}},
		{name: "days_until_code_expires", typ: Number, what: "pool", from: fromCodes, undated: true,
			noun: "days until the last good day of the member's first code of the pool to end", says: "whose code of {x} is good for {n}", unit: "more day",
			also: []string{"code_days_left", "days_until_expiry"},
			in:   days{rows: ofPool(held, "c"), day: "min(c.valid_until)", ahead: true}},
		{name: "used_code", typ: Bool, what: "pool", window: true, from: fromCodes,
			noun: "has used a code of the pool", says: "who used a code of {x}", denies: "who have {never} used a code of {x}",
			also: []string{"redeemed", "redeemed_code", "used_coupon"},
			in:   presence{rows: ofPool(uses, "r")}},
		{name: "codes_used", typ: Number, window: true, from: fromCodes,
			noun: "number of times that the member used a code", says: "who used a code {n}", unit: "time",
			also: []string{"coupons_used", "redemptions", "times_redeemed"},
			in:   figure{rows: uses, sum: "count(*)"}},
	}
}

var (
	// held are the rows of codes that members have in hand, good today.
	held = rows{table: "codes c", member: "c.member_id",
		where: "c.member_id is not null and c.state = 'issued' and (c.valid_until is null or c.valid_until >= $today)"}
	// ending are the same by their last day.
	ending = rows{table: "codes c", member: "c.member_id", day: "c.valid_until", where: "c.member_id is not null and c.state = 'issued' and c.valid_until >= $today"}
	// uses are the rows of codes that members used, on orders that stand.
	uses = rows{table: "redemptions r", member: "r.member_id", day: "r.day", where: "r.member_id is not null and not r.undone"}
)

// ofPool narrows rows of codes to those of a pool.
func ofPool(r rows, alias string) rows {
	r.table += " join pools p on p.id = " + alias + ".pool_id"
	r.match = "p.name"
	return r
}

// unusedCode looks at the codes given in the occurrence that the query names.
func unusedCode(b *builder, c *call) string {
	return "exists (select 1 from codes c join pools p on p.id = c.pool_id" +
		" where c.member_id = f.member_id and c.occurrence_id = " + b.bind(b.q.Occurrence) +
		" and p.name = " + b.bind(c.whatValue(b.q.look).text) + " and c.state in ('reserved', 'issued')" +
		" and (c.valid_until is null or c.valid_until >= " + b.today() + "))"
}
