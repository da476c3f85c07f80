package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/engine"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
	"regulars/segments"
)

// harm is a way in which one campaign is made to fail.
type harm struct {
	name string
	do   func(s *shop, id int64, name string)
	undo func(s *shop, id int64, name string)
}

// refuses has the database refuse a statement on a table for one campaign.
func refuses(table, when string) harm {
	return harm{"its " + when + " on " + table + " fails",
		func(s *shop, id int64, _ string) {
			s.exec(fmt.Sprintf(map[bool]string{
				false: "create trigger harmed before %[1]s on %[2]s when new.campaign_id = %[3]d begin select raise(abort, 'harmed'); end",
				true: `create function harmed() returns trigger language plpgsql as $$ begin raise exception 'harmed' using errcode = '57014'; end $$;
				       create trigger harmed before %[1]s on %[2]s for each row when (new.campaign_id = %[3]d) execute function harmed()`,
			}[s.db.Engine() == store.Postgres], when, table, id))
		},
		func(s *shop, _ int64, _ string) {
			if s.db.Engine() == store.Postgres {
				s.exec("drop function harmed() cascade")
			} else {
				s.exec("drop trigger harmed")
			}
		}}
}

// edits changes the text of a file of the program in force behind everybody's back.
func edits(name, file string, change func(text string) (string, bool)) harm {
	swap := func(s *shop, files map[string]string) {
		s.do(func(tx *store.Tx) error {
			_, err := tx.Exec("update versions set hash = @hash, files = "+tx.JSONParam("@files"), store.Args{"hash": program.Hash(files), "files": store.JSON(files)})
			return err
		})
		s.restart()
	}
	return harm{name,
		func(s *shop, _ int64, campaign string) {
			files := s.files()
			file := strings.ReplaceAll(file, "NAME", campaign)
			for path, text := range files {
				if strings.HasPrefix(path, file) {
					if text, keep := change(text); keep {
						files[path] = text
					} else {
						delete(files, path)
					}
				}
			}
			swap(s, files)
		},
		func(s *shop, _ int64, _ string) { swap(s, apartFiles()) }}
}

var harms = []harm{
	refuses("passages", "insert"),
	refuses("passages", "update"),
	refuses("sends", "insert"),
	refuses("sends", "update"),
	{"the row of its pool is damaged",
		func(s *shop, _ int64, name string) {
			s.exec(`update pools set spec = '{"Percent": "x"}' where name = 'pool-` + name + `'`)
		},
		func(s *shop, _ int64, name string) {
			s.do(func(tx *store.Tx) error { // as apply writes it
				_, err := tx.Exec("update versions set hash = 'old'", nil)
				return err
			})
		}},
	{"another pool has its code",
		func(s *shop, _ int64, name string) {
			s.exec("insert into codes (pool_id, code, folded, state) select id, 'x', '" + loyalty.FoldCode("CODE-"+name) + "', 'free' from pools where name = 'other' on conflict do nothing")
			s.exec("update codes set pool_id = (select id from pools where name = 'other') where folded = '" + loyalty.FoldCode("CODE-"+name) + "'")
		},
		func(s *shop, _ int64, name string) {
			s.exec("update codes set pool_id = (select id from pools where name = 'pool-" + name + "') where folded = '" + loyalty.FoldCode("CODE-"+name) + "'")
			s.exec("update codes set code = 'CODE-" + name + "', state = 'issued' where code = 'x'")
		}},
	edits("its first mail is gone", "campaigns/NAME/1-", func(string) (string, bool) { return "", false }),
	edits("its file is no YAML any more", "campaigns/NAME/campaign.yaml", func(text string) (string, bool) { return text + "\n\t: [", true }),
}

func (s *shop) exec(statement string) {
	s.t.Helper()
	for part := range strings.SplitSeq(statement, ";\n") {
		s.do(func(tx *store.Tx) error { _, err := tx.Exec(part, nil); return err })
	}
}

func (s *shop) files() (files map[string]string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err == nil {
			files, err = versions.Files(tx, v.ID)
		}
		return err
	})
	return files
}

// restart is a new process over the same database and the same relay.
func (s *shop) restart() {
	s.door = s.newDoor()
	sink := s.sink
	s.sender = s.newDesk()
	s.sinks = append(s.sinks, sink)
	s.engine = engine.New(s.db, s.sender)
}

// apartFiles is a program of four campaigns that start each in another way, each
// with a shared code of its own.
func apartFiles() map[string]string {
	all := files()
	all["pools.yaml"] = "other: {kind: imported, percent: 5}\n"
	for name, start := range map[string]string{"hello": "joins", "thanks": "{milestone: orders, at: [1, 2, 3, 4, 5, 6, 7, 8, 9]}",
		"looked": "{event: looked}", "buyers": "{enters: buyers}"} {
		all["pools.yaml"] += fmt.Sprintf("pool-%s: {kind: shared, code: CODE-%s, percent: 5}\n", name, name)
		all["campaigns/"+name+"/campaign.yaml"] = fmt.Sprintf("live: true\nstart: %s\nclass: service\nagain: each\nsteps:\n  - mail: 1-%s\n    coupon: pool-%s\n  - wait: 2d\n  - mail: 2-%s\n", start, name, name, name)
		for _, mail := range []string{"1-", "2-"} {
			all["campaigns/"+name+"/"+mail+name+".en.md"] = "---\nsubject: " + mail + name + "\n---\nHello {{ coupon.code }}.\n"
		}
	}
	all["segments.yaml"] = "buyers: orders >= 1\nout: tag(\"out\")\n"
	return all
}

// A campaign that fails in any way at any moment stops no order, no unsubscription
// and no other campaign, is named while it does, and when it is mended its members
// get what they should have got, once.
func TestNoCampaignStopsAnother(t *testing.T) {
	t.Parallel()
	names := []string{"hello", "thanks", "looked", "buyers"}
	var without [2][]mail // two lives in which nothing fails
	for seed := range without {
		without[seed] = openFiles(t, storetest.SQLite(t), apartFiles()).live(uint64(seed), -1, -1, "", harm{})
	}
	for i, h := range harms {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				seed := i % len(without)
				random := rand.New(rand.NewPCG(uint64(i), 1))
				harmed := names[random.IntN(len(names))]
				from, to := random.IntN(15), 15+random.IntN(11)
				t.Logf("%s fails from step %d to %d", harmed, from, to)
				want := without[seed]
				s := openFiles(t, db, apartFiles())
				got := s.live(uint64(seed), from, to, harmed, h)
				for _, name := range names {
					if name == harmed { // it may be late
						compare(t, name, mailsOf(got, name, false), mailsOf(want, name, false))
					} else {
						compare(t, name, mailsOf(got, name, true), mailsOf(want, name, true))
					}
				}
				if left := s.number("select count(*) from reactions", nil) + s.number("select count(*) from setbacks", nil); left != 0 {
					t.Errorf("%d reactions and setbacks are left after the mend", left)
				}
				for _, sink := range append(s.sinks, s.sink) {
					if twice := sink.Twice(); len(twice) > 0 {
						t.Errorf("came twice: %v", twice)
					}
				}
			})
		})
	}
}

func compare(t *testing.T, name string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("mails of %s:\n  %s\nwithout the failure:\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// live plays some weeks in which members join, buy, look and unsubscribe, while a
// campaign fails from one step to another, and returns the mails that went out.
func (s *shop) live(seed uint64, from, to int, harmed string, h harm) []mail {
	s.t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	id := int64(0)
	if harmed != "" {
		id = s.number("select id from campaigns where name = @name", store.Args{"name": harmed})
	}
	joined := 0
	for step := range 30 {
		if step == from {
			h.do(s, id, harmed)
		}
		if step == to {
			if from >= 0 && s.touched(id) && s.number(`
				select (select count(*) from setbacks where scope = @scope)
				     + (select count(*) from reactions where campaign_id = @id and retry_at is not null)
				     + (select count(*) from passages where campaign_id = @id and reason like 'failed: %')`, store.Args{"scope": store.ScopeCampaign(id), "id": id}) == 0 {
				s.t.Errorf("%s fails, and nothing says so", harmed)
			}
			h.undo(s, id, harmed)
			s.do(func(tx *store.Tx) error { _, err := apply.Apply(tx, apartFiles(), "anna", ""); return err })
		}
		member := fmt.Sprint("m-", random.IntN(max(1, joined)))
		switch what := random.IntN(10); {
		case what < 3 || joined == 0:
			s.join(fmt.Sprint("m-", joined))
			joined++
		case what < 6: // with a code of the campaign that fails, or of another
			s.tell(loyalty.OrderPlaced, member, func(e *loyalty.Event) {
				e.Order = &loyalty.Order{ID: fmt.Sprintf("o-%d", s.events), Status: loyalty.Paid, Total: 1000, HasTotal: true}
				e.Order.Coupons = []loyalty.UsedCoupon{{Code: "CODE-" + []string{"hello", "thanks", "looked", "buyers"}[random.IntN(4)]}}
			})
		case what < 8:
			s.tell("looked", member, nil)
		case what < 9:
			s.tell("looked", member, func(e *loyalty.Event) { e.Member.Tags = []string{"out"} })
		default: // what the page of the unsubscribe link does
			s.do(func(tx *store.Tx) error {
				return happenings.Changed(tx, []int64{s.idOf(tx, member)}, segments.Change{Profile: true})
			})
		}
		s.settle()
		if step%3 == 0 {
			if err := s.engine.Advance(context.Background(), s.clock, s.clock.Now().Add(time.Duration(1+random.IntN(9))*time.Hour)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if err := s.engine.Advance(context.Background(), s.clock, s.clock.Now().Add(5*24*time.Hour)); err != nil {
		s.t.Fatal(err)
	}
	var all []mail
	s.do(func(tx *store.Tx) error {
		return tx.All(&all, `
			select s.step, m.external_id as member, s.handed_at as at
			from   sends s join members m on m.id = s.member_id
			where  s.state = 'sent'
			order  by 1, 2, 3`, nil)
	})
	return all
}

// touched reports whether the campaign had anything to do that failed.
func (s *shop) touched(id int64) bool {
	return s.number("select count(*) from reactions where campaign_id = @id", store.Args{"id": id})+
		s.number("select count(*) from sends where campaign_id = @id and state = 'queued'", store.Args{"id": id}) > 0
}

func (s *shop) idOf(tx *store.Tx, member string) (id int64) {
	if err := tx.One(&id, "select id from members where external_id = @id", store.Args{"id": member}); err != nil {
		s.t.Fatal(err)
	}
	return id
}

type mail struct {
	Step, Member string
	At           loyalty.Instant
}

func mailsOf(all []mail, campaign string, timed bool) (list []string) {
	for _, m := range all {
		if !strings.HasSuffix(m.Step, "-"+campaign) {
			continue
		}
		line := m.Step + " " + m.Member
		if timed {
			line += " " + m.At.UTC().Format("01-02 15:04")
		}
		list = append(list, line)
	}
	return list
}
