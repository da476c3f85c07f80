-- Each check is a query that must return no row: "place" says where, "what"
-- says what is wrong. The head names the check and what to do about a finding.
-- "often" marks those that are cheap enough to be asked with every scrape of the
-- metrics: they read narrow tables only.
-- {micros x} is an instant as a number, {when x} as text; "machine" is the
-- database's own present moment.

-- check: a mail goes to a member once per occurrence and step
-- do: hold the campaign and look at the two sends with `regulars sends show`
select 'sends ' || o.id || ' and ' || s.id as place,
       'both are step ' || s.step || ' of occurrence ' || s.occurrence_id || ' to member ' || s.member_id as what
from   sends s
join   sends o on o.occurrence_id = s.occurrence_id and o.member_id = s.member_id and o.step = s.step and o.id < s.id
where  {micros s.queued_at} >= {micros @since};

-- check: the audience of a run is the sum of its sends
-- do: the run lost or gained rows: compare with a backup before resuming it
select 'run ' || r.id as place,
       'audience ' || r.audience || ', sends ' || count(s.id) as what
from   runs r
left   join sends s on s.run_id = r.id
where (r.finished_at is null or {micros r.finished_at} >= {micros @since})
and    coalesce((select o.day from occurrences o where o.id = r.occurrence_id), 0)
       >= coalesce((select cast(x.value as bigint) from settings x where x.key = 'ledger_since'), 0)
group  by r.id, r.audience
having r.audience <> count(s.id);

-- check: a member is in one tier at a time
-- do: `regulars tier show MEMBER`; report the member
select 'member ' || s.member_id as place,
       'is in ' || s.tier || ' since day ' || s.since_day || ' and in ' || o.tier || ' since day ' || o.since_day as what
from   member_tiers s
join   member_tiers o on o.member_id = s.member_id and o.id > s.id
where  s.since_day < coalesce(o.left_day, 9999999) and o.since_day < coalesce(s.left_day, 9999999)
and    s.since_day < coalesce(s.left_day, 9999999) and o.since_day < coalesce(o.left_day, 9999999);

-- check: a full card gave a code, and took its stamps
-- do: `regulars member show MEMBER`; report the member
select 'claim ' || c.id as place,
       'of card ' || c.reward || ' has ' || coalesce(e.n, 0) || ' rows of ' || c.price || ' stamps' || case when c.code_id is null then ' and no code' else '' end as what
from   claims c
left   join (select claim_id, wallet, amount, count(*) as n
             from   entries
             where  wallet <> 'points' and kind = 'redeem'
             group  by claim_id, wallet, amount) e on e.claim_id = c.id and e.wallet = c.reward and e.amount = - c.price
where  c.source = 'card' and c.state = 'done'
and   (c.code_id is null or coalesce(e.n, 0) <> 1);

-- check: a claim took its points once, and gave them back if it came to nothing
-- do: `regulars member points MEMBER` shows them, `regulars points give MEMBER N --because WHY` sets them right; report the claim
select 'claim ' || c.id as place,
       'of ' || c.reward || ' for ' || c.price || ' points is ' || c.state || ': ' || c.taken || ' were taken, ' || c.given || ' came back' as what
from  (select c.id, c.reward, c.price, c.state,
              coalesce(e.taken, 0) as taken, coalesce(e.given, 0) as given
       from   claims c
       left   join (select claim_id,
                           cast(sum(case when kind = 'redeem' then -amount else 0 end) as bigint) as taken,
                           cast(sum(case when kind = 'return' then amount else 0 end) as bigint) as given
                    from   entries
                    where  wallet = 'points' and kind in ('redeem', 'return')
                    group  by claim_id) e on e.claim_id = c.id
       where  c.source <> 'card' and {micros c.at} >= {micros @since}) c
where  c.taken <> c.price
or     c.given <> case when c.state in ('released', 'reversed') then c.price else 0 end;

-- check: a code for points can be used when its claim is done, and not when that came to nothing
-- do: `regulars coupon show CODE`; void what nobody paid for, give another for what does not work; report the claim
select 'claim ' || c.id as place,
       'of ' || c.reward || ' is ' || c.state || ', and its code ' || k.id || ' ' || k.state as what
from   claims c
join   codes k on k.id = c.code_id and k.occurrence_id = - c.id
join   pools p on p.id = k.pool_id and p.kind <> 'shared'
where  {micros c.at} >= {micros @since}
and   (c.state = 'done' and k.state in ('free', 'reserved') or c.state in ('released', 'reversed') and k.state in ('reserved', 'issued'));

-- check: who brought a friend is rewarded once, and only for a friend
-- do: `regulars referral list`, and `regulars points give MEMBER N --because WHY` sets the balance right; report the referral
select 'referral ' || f.id as place,
       'is ' || f.state || ': ' || f.n || ' rewards, ' || f.points || ' points' || case when f.referrer_id = f.friend_id then ', and the friend is the referrer' else '' end as what
from  (select r.id, r.state, r.referrer_id, r.friend_id,
              coalesce(e.bonuses, 0)
              + (select count(*) from claims c where c.source = 'referral' and c.key = r.id || ' referrer' and c.state = 'done' and c.code_id is not null) as n,
              coalesce(e.points, 0) as points
       from   referrals r
       left   join (select b.referral_id, cast(sum(b.amount) as bigint) as points,
                           count(case when b.kind = 'bonus' and b.member_id = q.referrer_id then 1 end) as bonuses
                    from   entries b
                    join   referrals q on q.id = b.referral_id
                    group  by b.referral_id) e on e.referral_id = r.id) f
where  f.state = 'rewarded' and (f.n <> 1 or f.points < 0)
or     f.state in ('pending', 'ended') and f.n <> 0
or     f.state = 'refused' and f.points <> 0
or     f.state <> 'refused' and f.referrer_id = f.friend_id;

-- check: no reward is held for longer than a till may
-- do: `regulars serve` gives these points back by itself; if it runs, report the numbers
select 'claim ' || id as place,
       'of ' || reward || ' is held since ' || {when at} as what
from   claims
where  state = 'held' and {micros held_until} < {micros @now} - 3600000000;

-- check: a finished run has nothing pending
-- do: `regulars runs show RUN`; its chunks did not see these sends
select 'run ' || r.id as place,
       count(*) || ' sends still ' || s.state as what
from   runs r
join   sends s on s.run_id = r.id
where  r.state = 'finished' and {micros r.finished_at} >= {micros @since}
and    s.state in ('queued', 'claimed', 'handing', 'deferred')
group  by r.id, s.state;

-- check: what waits singly can be found by a worker
-- do: these sends would wait for ever: `regulars sends resolve ID again` makes them due; report the numbers
select 'send ' || s.id as place,
       s.state || ' since ' || {when s.queued_at} || ' but not due' as what
from   sends s
where  s.state in ('queued', 'claimed', 'handing', 'deferred')
and    s.run_id is null
and    not exists (select 1 from due d where d.send_id = s.id);

-- check: what is over waits for nothing
-- do: harmless; a worker passes over them
-- often
select 'send ' || d.send_id as place,
       'due, but ' || coalesce(s.state, 'not there') as what
from   due d
left   join sends s on s.id = d.send_id
where  s.id is null or s.state in ('sent', 'failed', 'skipped', 'bounced', 'complained');

-- check: a passage that waits for a mail has one under way
-- do: these members' flows stand still: report the numbers
select 'passage ' || p.id as place,
       'waits for a mail of step ' || p.step_name || ' that is over' as what
from   passages p
where  p.state = 'sending'
and    not exists (
       select 1 from sends s
       where  s.occurrence_id = p.occurrence_id and s.member_id = p.member_id
       and    s.state in ('queued', 'claimed', 'handing', 'deferred', 'unknown'));

-- check: nothing is handed over later than 5 seconds after an unsubscription
-- do: find which replica was behind; apologise to the member
select 'send ' || s.id as place,
       'handed over at ' || {when s.handed_at} || ', unsubscribed from ' || s.topic || ' at ' || {when c.recorded_at} as what
from   sends s
join   consents c on c.member_id = s.member_id and c.topic = s.topic and not c.granted
where  s.class <> 'service'
and    {micros s.handed_at} >= {micros @since}
and    {micros s.handed_at} > {micros c.recorded_at} + 5000000
and    not exists (
       select 1 from consents y
       where  y.member_id = s.member_id and y.topic = s.topic and y.granted
       and    y.at > c.at and y.recorded_at <= s.handed_at);

-- check: a code belongs to the member of its mail
-- do: void the code with `regulars coupon void`; the member has somebody else's
select 'send ' || s.id as place,
       'code ' || c.id || ' is ' || coalesce('of member ' || c.member_id, 'nobody''s') as what
from   sends s
join   codes c on c.id = s.code_id
join   pools p on p.id = c.pool_id
where  p.kind <> 'shared'
and    c.state in ('reserved', 'issued', 'redeemed')
and    c.member_id is distinct from s.member_id
and    not exists (select 1 from members m where m.id = s.member_id and m.merged_into is not null); -- the mail stayed with who they were

-- check: a code whose mail was sent is issued
-- do: it would not be taken at checkout: report the number
select 'code ' || c.id as place,
       'still reserved, but send ' || s.id || ' went out at ' || {when s.done_at} as what
from   codes c
join   pools p on p.id = c.pool_id
join   sends s on s.member_id = c.member_id and s.code_id = c.id and s.state = 'sent'
where  c.state = 'reserved' and p.kind <> 'shared';

-- check: a code is redeemed as often as it may be
-- do: compare with the till's journal
select 'code ' || c.id as place,
       c.state || ', with ' || count(r.id) || ' redemptions' as what
from   codes c
join   pools p on p.id = c.pool_id
left   join redemptions r on r.code_id = c.id
where  p.kind <> 'shared'
and   (c.state = 'redeemed' or exists (select 1 from redemptions x where x.code_id = c.id))
group  by c.id, c.state, p.id
having count(r.id) = 0
or     count(distinct r.order_id) filter (where not r.undone) > case when coalesce(cast(p.spec ->> 'Uses' as bigint), 0) > 1 then cast(p.spec ->> 'Uses' as bigint) else 1 end;

-- check: a pool gives no more than its stock
-- do: the surplus codes are good: honour them, and raise the stock or hold the campaign
select 'pool ' || p.name as place,
       count(*) || ' codes given of a stock of ' || cast(p.spec ->> 'Stock' as bigint) as what
from   pools p
join   codes c on c.pool_id = p.id and c.state not in ('free', 'void', 'aside')
where  p.kind <> 'shared' and coalesce(cast(p.spec ->> 'Stock' as bigint), 0) > 0
group  by p.id, p.name
having count(*) > cast(p.spec ->> 'Stock' as bigint);

-- check: a pool's counters are what a recount gives
-- do: the pool gives more or fewer codes than it may: report the numbers
select 'pool ' || p.name as place,
       'made, given, open, free, reserved, issued, void, spent: counted ' || (p.made + m.made) || ', ' || (p.given + m.given) || ', ' || (p.open + m.open) || ', ' || (p.free + m.free) || ', ' || (p.reserved + m.reserved) || ', ' || (p.issued + m.issued) || ', ' || (p.void + m.void) || ', ' || (p.spent + m.spent)
       || '; there are ' || c.made || ', ' || c.given || ', ' || c.open || ', ' || c.free || ', ' || c.reserved || ', ' || c.issued || ', ' || c.void || ', ' || r.spent as what
from   pools p
join  (select p.id, coalesce(sum(m.made), 0) as made, coalesce(sum(m.given), 0) as given, coalesce(sum(m.open), 0) as open, coalesce(sum(m.free), 0) as free,
              coalesce(sum(m.reserved), 0) as reserved, coalesce(sum(m.issued), 0) as issued, coalesce(sum(m.void), 0) as void, coalesce(sum(m.spent), 0) as spent
       from   pools p left join pool_moves m on m.pool_id = p.id group by p.id) m on m.id = p.id
join  (select p.id, count(c.id) filter (where c.state <> 'void') as made,
              count(c.id) filter (where c.state not in ('void', 'free', 'aside')) as given,
              count(c.id) filter (where c.state in ('reserved', 'issued', 'redeemed')) as open,
              count(c.id) filter (where c.state = 'free') as free,
              count(c.id) filter (where c.state = 'reserved') as reserved,
              count(c.id) filter (where c.state = 'issued') as issued,
              count(c.id) filter (where c.state = 'void') as void
       from   pools p left join codes c on c.pool_id = p.id group by p.id) c on c.id = p.id
join  (select p.id, coalesce(sum(r.discount), 0) as spent
       from   pools p left join redemptions r on r.pool_id = p.id and not r.undone group by p.id) r on r.id = p.id
where  p.made + m.made <> c.made or p.given + m.given <> c.given or p.open + m.open <> c.open or p.free + m.free <> c.free or p.reserved + m.reserved <> c.reserved or p.issued + m.issued <> c.issued or p.void + m.void <> c.void or p.spent + m.spent <> r.spent;

-- check: every date of a timetable has a run or a recorded skip
-- do: `regulars status`; a date that was started but froze nobody was interrupted
select 'campaign ' || c.name as place,
       'date ' || o.key || ' was started without a run' as what
from   occurrences o
join   campaigns c on c.id = o.campaign_id
where  o.decision = 'started'
and    exists (select 1 from timetable t where t.campaign_id = o.campaign_id)
and    not exists (select 1 from runs r where r.occurrence_id = o.id)
and    not exists (select 1 from passages p where p.occurrence_id = o.id);

-- check: no date of a timetable is overdue
-- do: no worker runs, or the database is behind: see `regulars status`
-- often
select 'campaign ' || c.name as place,
       'was due at ' || {when t.next_at} as what
from   timetable t
join   campaigns c on c.id = t.campaign_id
where  c.live and c.removed_at is null
and    {micros t.next_at} < {micros @now} - 600000000;

-- check: nothing is left of erased members
-- do: `regulars member erase` was interrupted, or something came in beside it: empty these columns by hand, and report the number of the member
select 'member ' || m.id as place,
       'erased, but data is left' as what
from   members m
where  m.erased_at is not null
and    (m.email <> '' or m.email_key is not null or m.first_name <> '' or m.last_name <> '' or m.phone <> '' or m.card <> '' or m.birth_month is not null
        or m.birth_year is not null or m.referred_by <> '' or cast(m.attributes as text) <> '{}'
        or exists (select 1 from member_keys k where k.member_id = m.id)
        or exists (select 1 from member_tags g where g.member_id = m.id)
        or exists (select 1 from member_topics t where t.member_id = m.id)
        or exists (select 1 from consents c where c.member_id = m.id and (c.ip <> '' or c.said <> '' and c.said not like 'sha256:%'))
        or exists (select 1 from events e where e.member_id = m.id and e.source <> 'regulars' and cast(e.properties as text) not like '{"_order"%' and cast(e.properties as text) <> '{}')
        or exists (select 1 from joinings j where j.member_id = m.id)
        or exists (select 1 from facts f where f.member_id = m.id));

-- check: nothing goes on for members who are one with another
-- do: `regulars member merge` was to move it to the other: report the member
select 'member ' || m.id as place,
       'is member ' || m.merged_into || ' now, and still has ' || x.what as what
from  (select member_id, 'keys' as what from member_keys
       union select member_id, 'facts' from facts
       union select member_id, 'orders' from orders
       union select member_id, 'events' from events
       union select member_id, 'entries of points' from entries
       union select member_id, 'answers' from member_topics
       union select member_id, 'a tier' from member_tiers where left_day is null
       union select member_id, 'segments' from segment_members where left_at is null
       union select member_id, 'a held reward' from claims where state = 'held'
       union select member_id, 'a passage under way' from passages where state in ('ready', 'sending')) x
join   members m on m.id = x.member_id
where  m.merged_into is not null and m.erased_at is null;

-- check: no batch outlives its chunk's lease
-- do: no worker reaps: see whether one runs
-- often
select 'run ' || b.run_id || ', chunk ' || b.chunk as place,
       'sends in the air since ' || {when b.marked_at} as what
from   batches b
where  {micros b.marked_at} < {micros @now} - 300000000
and    not exists (
       select 1 from chunks c
       where  c.run_id = b.run_id and c.n = b.chunk and c.fence = b.fence
       and    {micros c.lease_until} > {micros machine});

-- check: nobody is there twice, with and without a spreadsheet's apostrophe
-- do: an older version kept both; what comes in now goes to the one without it. `regulars member show MEMBER` shows both: `regulars member merge OTHER THIS` makes them one
select 'members ' || m.external_id || ' and ' || o.external_id as place,
       'the same ' || k.kind as what
from   member_keys k
join   member_keys w on w.kind = k.kind and w.value = substr(k.value, 2) and w.member_id <> k.member_id
join   members m on m.id = k.member_id
join   members o on o.id = w.member_id
where  k.kind in ('id', 'card') and k.value like '''%';

-- check: a wallet is what is left of its credits, less its debts
-- do: no point is lost: entries and draws say what is right; report the member and the two numbers
select 'member ' || s.member_id || ', ' || s.wallet as place,
       'entries add up to ' || s.booked || ', lots and debts to ' || (s.remains - s.debts) as what
from  (select e.member_id, e.wallet, cast(sum(e.amount) as bigint) as booked,
              coalesce((select cast(sum(l.remains) as bigint) from lots l where l.member_id = e.member_id and l.wallet = e.wallet), 0) as remains,
              cast(sum(case when e.amount < 0 then -e.amount - coalesce((select sum(d.amount) from draws d where d.debit_id = e.id), 0) else 0 end) as bigint) as debts
       from   entries e
       group  by e.member_id, e.wallet) s
where  s.booked <> s.remains - s.debts;

-- check: nothing draws more from a credit than it has
-- do: somebody spent points twice: look at `regulars member points MEMBER`, and book the difference by hand
select 'entry ' || e.id as place,
       d.drawn || ' drawn of ' || e.amount || ' of member ' || e.member_id as what
from   entries e
join  (select credit_id, cast(sum(amount) as bigint) as drawn from draws group by credit_id) d on d.credit_id = e.id
where  d.drawn < 0 or d.drawn > e.amount;

-- check: a lot is what is left of its credit
-- do: `regulars points rebuild` makes the lots anew from entries and draws
select 'entry ' || id as place,
       'has ' || remains || ' left, its lot ' || coalesce(cast(lot as text), 'is not there') as what
from  (select e.id, e.amount - coalesce((select cast(sum(d.amount) as bigint) from draws d where d.credit_id = e.id), 0) as remains, l.remains as lot
       from   entries e left join lots l on l.credit_id = e.id
       where  e.opens_day is not null) c
where  remains <> coalesce(lot, 0);

-- check: no debt stands beside points that could pay it
-- do: the member's next entry pays it; report the member
select 'entry ' || e.id as place,
       (-e.amount - d.drawn) || ' of member ' || e.member_id || ' are owed, though points are open' as what
from  (select id, member_id, wallet, amount from entries where amount < 0) e
join  (select e.id, coalesce((select cast(sum(w.amount) as bigint) from draws w where w.debit_id = e.id), 0) as drawn from entries e where e.amount < 0) d on d.id = e.id
where  -e.amount <> d.drawn
and   (-e.amount < d.drawn
       or exists (select 1 from lots l where l.member_id = e.member_id and l.wallet = e.wallet and l.opens_day <= @today - 1 and (l.last_day is null or l.last_day >= @today)));

-- check: points are spent between their first and their last day
-- do: the balance that was shown was wrong then: report the entry
select 'entry ' || e.id as place,
       'of ' || e.kind || ' draws from entry ' || c.id || ', which was not open' as what
from   draws d
join   entries e on e.id = d.debit_id
join   entries c on c.id = d.credit_id
where  d.amount > 0
and   (e.kind = 'redeem' and e.day < c.opens_day
       or e.day > c.last_day and e.day > c.day and e.kind <> 'expire' and (e.order_id is null or c.order_id is null or e.order_id <> c.order_id));

-- check: what was given out is there still, or something drew it
-- do: report the wallet and the numbers
select 'wallet ' || wallet as place,
       issued || ' given out, ' || remains || ' left and ' || drawn || ' drawn' as what
from  (select i.wallet, i.issued,
              coalesce((select cast(sum(l.remains) as bigint) from lots l where l.wallet = i.wallet), 0) as remains,
              coalesce((select cast(sum(d.amount) as bigint) from draws d join entries c on c.id = d.credit_id where c.wallet = i.wallet), 0) as drawn
       from  (select wallet, cast(sum(amount) as bigint) as issued from entries where opens_day is not null group by wallet) i) w
where  issued <> remains + drawn;

-- check: members who are one with another have no points left
-- do: they are to be booked over to the other: report the member
select 'member ' || m.id as place,
       'has ' || l.remains || ' left, and is member ' || m.merged_into || ' now' as what
from   lots l
join   members m on m.id = l.member_id
where  m.merged_into is not null;
