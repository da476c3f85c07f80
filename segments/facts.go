package segments

import "strings"

// FactsSelect returns the SELECT that defines facts, with the columns of the
// table facts in its order, as of the end of @day.
//
// members is "" for everybody, or the right side of "in" for some: "@members" or
// "(select …)". To compute facts for --at, use it as a derived table named f.
//
// Somebody was known on a day who had joined by then, or to whom an order or an
// event had happened. Who has nothing dated at all, an address from an import,
// was always known. Erased members and those merged into another have no facts.
// Consent, country and language are today's whatever the day.
//
// Points are those of point_changes, or of the ledger where the program keeps them: all
// that was booked by the day, less what is left then of credits that open later or have
// ended.
//
// The columns from days on are null: whoever adds orders to facts keeps there what they know.
func FactsSelect(engine, members string) string { return factsOf(engine, members, pointsSelect) }

// FactsToday is FactsSelect where @day is the present day. It says the same, and reads
// what is left of points where it stands, not all that was ever booked.
func FactsToday(engine, members string) string { return factsOf(engine, members, pointsToday) }

func factsOf(engine, members, points string) string {
	some := ""
	if members != "" {
		some = " and $id in " + members
	}
	only := func(id string) string { return strings.ReplaceAll(some, "$id", id) }
	gaps, bytes, instant := gapsSQLite, "null", "null"
	if engine == "postgres" {
		gaps, bytes, instant = gapsPostgres, "cast(null as bytea)", "cast(null as timestamptz)"
	}
	text := strings.NewReplacer("$gaps", gaps, "$bytes", bytes, "$instant", instant, "$kept", points).Replace(factsSelect)
	if engine == "postgres" && members != "" { // each member by the indexes, whatever is believed of the tables' sizes
		text = strings.ReplaceAll(text, "left join (", "left join lateral (")
		only = func(id string) string {
			if id == "m.id" {
				return " and m.id in " + members
			}
			return " and " + id + " = m.id"
		}
	}
	return strings.NewReplacer(
		"$member", only("m.id"), "$order", only("o.member_id"), "$event", only("e.member_id"),
		"$paid", "o.counts and o.day <= @day", "$point", only("p.member_id"), "$entry", only("e.member_id"), "$lot", only("l.member_id"), "$topic", only("t.member_id"),
	).Replace(text)
}

// The median of the days between a member's order days: of an even number the
// middle between the two in the middle. Postgres has it as an aggregate. The + 0
// keeps it from fetching the orders one by one in the sequence of the index, which
// for everybody takes several times as long as sorting them.
const (
	gapsPostgres = `
            select d.member_id, percentile_cont(0.5) within group (order by d.gap) as usual_gap
              from (select o.member_id, o.day - lag(o.day) over (partition by o.member_id order by o.day) as gap
                      from (select o.member_id + 0 as member_id, o.day from orders o where $paid$order) o) d
             where d.gap > 0
             group by d.member_id`
	gapsSQLite = `
            select r.member_id, cast(sum(r.gap) as double precision) / count(*) as usual_gap
              from (select d.member_id, d.gap,
                           row_number() over (partition by d.member_id order by d.gap) as n,
                           count(*)     over (partition by d.member_id)                as of_all
                      from (select o.member_id, o.day - lag(o.day) over (partition by o.member_id order by o.day) as gap
                              from orders o where $paid$order) d
                     where d.gap > 0) r
             where r.n in ((r.of_all + 1) / 2, (r.of_all + 2) / 2)
             group by r.member_id`
)

// pointsSelect is what each member has of the points that the program keeps, by what was
// booked.
const pointsSelect = `select c.member_id,
                    cast(sum(c.amount) - sum(case when c.opens_day > @day or c.ends < @day then c.remains else 0 end) as bigint) as points,
                    cast(sum(case when c.opens_day > @day then c.remains else 0 end) as bigint) as pending,
                    min(case when c.opens_day <= @day and c.ends >= @day and c.remains > 0 then c.ends end) as ends
               from (select e.member_id, e.amount, e.opens_day, coalesce(e.last_day, l.last_day) as ends,
                            case when e.opens_day is null then 0
                                 else e.amount - coalesce((select sum(case when (select b.day <= @day and (e.opens_day <= @day or b.order_id = e.order_id)
                                                                                   from entries b where b.id = d.debit_id) then d.amount else 0 end)
                                                             from draws d where d.credit_id = e.id), 0) end as remains
                       from entries e left join lots l on l.credit_id = e.id
                      where e.wallet = 'points' and e.day <= @day$entry
                        and (select s.value from settings s where s.key = 'points') = 'entries') c
              group by c.member_id`

// pointsToday is pointsSelect of the present day: what lies in lots, less what debits have
// found too little for.
const pointsToday = `select c.member_id, cast(sum(c.points) as bigint) as points, cast(sum(c.pending) as bigint) as pending, min(c.ends) as ends
               from (select l.member_id,
                            case when l.opens_day > @day or l.last_day < @day then 0 else l.remains end as points,
                            case when l.opens_day > @day then l.remains else 0 end as pending,
                            case when l.opens_day <= @day and l.last_day >= @day then l.last_day end as ends
                       from lots l where l.wallet = 'points'$lot
                      union all
                     select e.member_id, e.amount + coalesce((select sum(d.amount) from draws d where d.debit_id = e.id), 0), 0, null
                       from entries e where e.wallet = 'points' and e.amount < 0$entry) c
              where (select s.value from settings s where s.key = 'points') = 'entries'
              group by c.member_id`

// PointsSelect returns a SELECT of points, pending points and the day on which the next
// of them end, as of the end of the day @day: of everybody of whom something was booked,
// those who were erased or merged since included.
func PointsSelect() string { return strings.ReplaceAll(pointsSelect, "$entry", "") }

// Each part is grouped by itself and joined, so that everybody costs one pass
// over each table; narrowed to some members each part goes through its index. The
// usual gap is the mean of the one or two gaps in the middle; several orders of one
// day make no gap.
const factsSelect = `select m.id as member_id,
       coalesce(m.joined_day <= @day, false)               as joined,
       case when m.joined_day <= @day then m.joined_day end as joined_day,
       m.country, m.language,
       coalesce(t.offers = 1, false)     as consent_offers,
       coalesce(t.newsletter = 1, false) as consent_newsletter,
       coalesce(t.program = 1, false)    as consent_program,
       coalesce(o.orders, 0)             as orders,
       coalesce(o.order_days, 0)         as order_days,
       coalesce(o.spent, 0)              as spent,
       coalesce(o.quantity, 0)           as quantity,
       o.largest, o.smallest, o.first_day, o.last_day,
       coalesce(p.points, q.points, 0)   as points,
       m.birth_month * 100 + m.birth_date as birthday,
       m.birth_year,
       g.usual_gap,
       coalesce(q.pending, 0)            as points_pending,
       q.ends                            as points_last_day,
       coalesce((select t.tier from member_tiers t
                  where t.member_id = m.id and t.since_day <= @day and (t.left_day is null or t.left_day > @day)
                  order by t.since_at desc, t.id desc limit 1), '') as tier,
       $bytes as days, $bytes as wallets, $instant as tier_at
  from members m
  left join (select o.member_id,
                    min(o.day)                                             as seen,
                    count(*)                          filter (where $paid) as orders,
                    count(distinct o.day)             filter (where $paid) as order_days,
                    cast(sum(o.total - o.refunded)    filter (where $paid) as bigint) as spent,
                    cast(sum(o.quantity)              filter (where $paid) as bigint) as quantity,
                    max(o.total - o.refunded)         filter (where $paid) as largest,
                    min(o.total - o.refunded)         filter (where $paid) as smallest,
                    min(o.day)                        filter (where $paid) as first_day,
                    max(o.day)                        filter (where $paid) as last_day
               from orders o where true$order
              group by o.member_id) o on o.member_id = m.id
  left join ($gaps) g on g.member_id = m.id
  left join (select e.member_id, min(e.day) as seen
               from events e where true$event
              group by e.member_id) e on e.member_id = m.id
  left join (select t.member_id,
                    max(case when t.topic = 'offers'     and t.granted then 1 end) as offers,
                    max(case when t.topic = 'newsletter' and t.granted then 1 end) as newsletter,
                    max(case when t.topic = 'program'    and t.granted then 1 end) as program
               from member_topics t where true$topic
              group by t.member_id) t on t.member_id = m.id
  left join (select b.member_id, cast(sum(b.amount) as bigint) as points
               from (select p.member_id, coalesce(p.balance, p.delta) as amount,
                            count(p.balance) over (partition by p.member_id order by p.at desc, p.id desc
                                                   rows between unbounded preceding and 1 preceding) as balances_since
                       from point_changes p where p.day <= @day$point
                        and coalesce((select s.value from settings s where s.key = 'points'), '') <> 'entries') b
              where b.balances_since = 0
              group by b.member_id) p on p.member_id = m.id
  left join ($kept) q on q.member_id = m.id
 where m.erased_at is null and m.merged_into is null$member
   and (m.joined_day <= @day or o.seen <= @day or e.seen <= @day
        or (m.joined_day is null and o.seen is null and e.seen is null))`
