package bench

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"regulars/internal/store"
)

// Part is what a part of the work takes of the processors for each mail of a run.
type Part struct {
	Work string        `json:"work"`
	Of   string        `json:"of"` // sender | database | relay
	Part string        `json:"part"`
	Each time.Duration `json:"cpu_ns"`
}

// Bound is the highest rate that the processors allow a run, beside that of smtp-source,
// by what each of them was measured to take for a mail. smtp-source and smtp-sink are one
// thread each, and so no more than one processor's.
type Bound struct {
	Work         string  `json:"work"`
	Cores        int     `json:"cores"`
	Source       float64 `json:"smtp_source"` // mails a second, as all that follow
	Highest      float64 `json:"highest"`
	Ratio        float64 `json:"ratio"`          // of Highest to Source
	WithoutStore float64 `json:"without_ledger"` // the ratio, did the database take nothing
	Reached      float64 `json:"reached"`        // the ratio that was measured
}

// boundOf works it out.
func boundOf(cores int, source, run Pace) (b Bound) {
	highest := func(single time.Duration, all ...time.Duration) float64 {
		sum := time.Duration(0)
		for _, d := range all {
			sum += d
		}
		if sum <= 0 {
			return 0
		}
		rate := float64(cores) * float64(time.Second) / float64(sum)
		if single > 0 {
			rate = min(rate, float64(time.Second)/float64(single))
		}
		return rate
	}
	b = Bound{Work: run.Work, Cores: cores, Reached: run.Ratio,
		Source:  highest(max(source.Ours, source.Relay), source.Ours, source.Relay),
		Highest: highest(run.Relay, run.Ours, run.Database, run.Relay)}
	if b.Source > 0 {
		b.Ratio = b.Highest / b.Source
		b.WithoutStore = highest(run.Relay, run.Ours, run.Relay) / b.Source
	}
	return b
}

// bounds are those of the runs that are held against smtp-source, the first of paces.
func bounds(paces []*Pace) (all []Bound) {
	for _, p := range paces {
		if p.Work == personal || p.Work == coded {
			all = append(all, boundOf(runtime.NumCPU(), *paces[0], *p))
		}
	}
	return all
}

// partsOf divides what a run was measured to take: the sender's by where its profile found
// it, the database's by how long its statements took.
func partsOf(p Pace, ours map[string]int64, statements map[string]time.Duration) (all []Part) {
	all = append(all, divided(Part{Work: p.Work, Of: "sender", Each: p.Ours}, ours)...)
	all = append(all, divided(Part{Work: p.Work, Of: "database", Each: p.Database}, statements)...)
	return append(all, Part{Work: p.Work, Of: "relay", Part: "smtp-sink", Each: p.Relay})
}

// divided shares a whole out, the largest part first. Without shares it is one part.
func divided[T ~int64](whole Part, shares map[string]T) (all []Part) {
	sum := T(0)
	for _, n := range shares {
		sum += n
	}
	if sum == 0 {
		whole.Part = "not divided: nothing was found"
		return []Part{whole}
	}
	for name, n := range shares {
		one := whole
		one.Part, one.Each = name, time.Duration(float64(whole.Each)*float64(n)/float64(sum))
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Part) int { return cmp.Or(cmp.Compare(b.Each, a.Each), strings.Compare(a.Part, b.Part)) })
	return all
}

// statementParts says by what a statement holds what it is for: the first that fits.
var statementParts = []struct {
	holds []string
	part  string
}{
	{[]string{"update sends"}, "outcomes: update sends"},
	{[]string{"s.expires_at", "s.campaign_id", "o.vars"}, "first look: sends, members, consent, caps"},
	{[]string{"s.expires_at", "m.email_key", "m.erased_at"}, "second look: what may have changed"},
	{[]string{"from", "m.external_id", "f.points"}, "members: what letters show"},
	{[]string{"from member_tags"}, "members: tags"},
	{[]string{"select id from sends", "state ="}, "which sends are next"},
	{[]string{"update codes"}, "codes: issued and dated"},
	{[]string{"select c.id, c.code, c.pool_id"}, "codes: what letters show"},
	{[]string{"as spec from pools"}, "codes: what letters show"},
	{[]string{"batches"}, "marks: batches"},
	{[]string{"chunks"}, "chunks"},
	{[]string{"count_changes"}, "counts"},
	{[]string{"recent_mails"}, "caps"},
	{[]string{"begin"}, "transactions"},
	{[]string{"commit"}, "transactions"},
}

func statementPart(query string) string {
	query = strings.ToLower(strings.Join(strings.Fields(query), " "))
	for _, p := range statementParts {
		if !slices.ContainsFunc(p.holds, func(words string) bool { return !strings.Contains(query, words) }) {
			return p.part
		}
	}
	return "the rest"
}

// statements is how long the statements of the database took so far, by what they are for;
// empty where the server does not tell (pg_stat_statements).
func (m *sending) statements(ctx context.Context) map[string]time.Duration {
	var rows []struct {
		Query string
		Took  float64 // milliseconds
	}
	err := m.db.View(ctx, func(tx *store.Tx) error {
		return tx.All(&rows, `
			select query, total_exec_time as took from pg_stat_statements
			where  dbid = (select oid from pg_database where datname = current_database())`, nil)
	})
	if err != nil {
		return nil
	}
	all := map[string]time.Duration{}
	for _, r := range rows {
		all[statementPart(r.Query)] += time.Duration(r.Took * float64(time.Millisecond))
	}
	return all
}

// since is what was added to each.
func since(before, after map[string]time.Duration) map[string]time.Duration {
	more := map[string]time.Duration{}
	for part, took := range after {
		if took -= before[part]; took > 0 {
			more[part] = took
		}
	}
	return more
}
