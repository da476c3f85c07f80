package marketing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/marketing"
	"regulars/internal/shoptest"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// TestAProposalIsAppliedBySomebodyElse takes a change of the program from its first file
// to the version that it becomes.
func TestAProposalIsAppliedBySomebodyElse(t *testing.T) {
	shoptest.Each(t, desk, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		anna, bea := marketing.New(s.DB).As("console: anna@shop.example"), marketing.New(s.DB).As("console: bea@shop.example")
		in := staff.NewSignIn(s.DB)
		s.Do(func(tx *store.Tx) error {
			_, err := staff.Add(tx, "anna@shop.example", staff.Launcher, "test")
			return err
		})
		refused := func(what string, err error, words string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want an error that says %q", what, err, words)
			}
		}
		of := func(id int64) (p marketing.Proposal) {
			t.Helper()
			s.Do(func(tx *store.Tx) (err error) { p, err = marketing.ProposalOf(tx, id); return err })
			return p
		}
		seen := func(id int64) (mark string) {
			t.Helper()
			s.Do(func(tx *store.Tx) error {
				v, err := versions.Active(tx)
				if err != nil {
					return err
				}
				p, err := marketing.ProposalOf(tx, id)
				mark = p.Seen(v.ID)
				return err
			})
			return mark
		}
		write := func(m marketing.Marketer, id int64, name, text string) error {
			return m.WriteFile(ctx, id, name, &text)
		}
		begin := func(m marketing.Marketer, title string) int64 {
			t.Helper()
			id, err := m.Begin(ctx, title)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}

		_, err := anna.Begin(ctx, "  ")
		refused("a change without a title", err, "in a few words")
		id := begin(anna, "a warmer  welcome")
		refused("nothing", anna.Propose(ctx, id), "nothing to propose")
		refused("a file that is none", write(anna, id, "../evil.yaml", "x"), "no file of a program")
		refused("a script", write(anna, id, "campaigns/spring/x.js", "x"), "no file of a program")
		refused("a large file", write(anna, id, "campaigns/spring/offer.en.md", strings.Repeat("x", marketing.LargestFile+1)), "larger than 64 kB")
		refused("somebody else's draft", write(bea, id, "segments.yaml", "x"), "this draft is anna@shop.example's")
		const mail = "campaigns/spring/offer.en.md"
		if err := write(anna, id, mail, "---\nsubject: {{ nothing }}\n---\n"); err != nil {
			t.Fatal(err)
		}
		refused("what check does not pass", anna.Propose(ctx, id), mail+":")
		if err := errors.Join(write(anna, id, mail, "---\nsubject: Warm\n---\nHello.\n"), anna.Propose(ctx, id)); err != nil {
			t.Fatal(err)
		}
		refused("what is proposed", write(anna, id, mail, "x"), "only a draft can be written")

		link := ""
		s.Do(func(tx *store.Tx) (err error) {
			link, err = staff.Add(tx, "bea@shop.example", staff.Launcher, "test")
			return err
		})
		if may, sole := mayDecide(s, of(id), anna.By); !may || !sole { // Bea has no password yet
			t.Error("who is alone may not apply their own change")
		}
		if _, err := in.Choose(ctx, link, "three old birds"); err != nil {
			t.Fatal(err)
		}
		_, err = anna.ApplyProposal(ctx, id, seen(id))
		refused("one's own change", err, "somebody else")
		_, err = bea.ApplyProposal(ctx, id, "1-nothing")
		refused("what was not looked at", err, "look at it again")
		done, err := bea.ApplyProposal(ctx, id, seen(id))
		if err != nil || done.Version != 2 || done.Same {
			t.Fatalf("ApplyProposal = %+v, %v", done, err)
		}
		if p := of(id); p.State != marketing.InEffect || p.Version != 2 || p.DecidedBy != bea.By {
			t.Errorf("the proposal that was applied: %+v", p)
		}
		s.Do(func(tx *store.Tx) error {
			list, err := versions.List(tx)
			if err != nil || list[0].Note != fmt.Sprintf("change %d by anna@shop.example: a warmer welcome", id) || list[0].AppliedBy != bea.By {
				t.Errorf("the list of versions: %+v, %v", list[0], err)
			}
			files, err := versions.Files(tx, 2)
			if files[mail] != "---\nsubject: Warm\n---\nHello.\n" {
				t.Errorf("the mail in force: %q", files[mail])
			}
			return err
		})
		_, err = bea.ApplyProposal(ctx, id, seen(id))
		refused("a second time", err, "only what is proposed can be applied")

		// Two drafts of one version: of other files they go together, of the same they do not.
		first, second := begin(anna, "first"), begin(bea, "second")
		text := "---\nsubject: Hot\n---\nHello.\n"
		if err := errors.Join(write(anna, first, mail, text), write(bea, second, mail, "---\nsubject: Cold\n---\n"), anna.Propose(ctx, first)); err != nil {
			t.Fatal(err)
		}
		if _, err := bea.ApplyProposal(ctx, first, seen(first)); err != nil {
			t.Fatal(err)
		}
		err = bea.Propose(ctx, second)
		if !errors.As(err, new(*marketing.Conflict)) {
			t.Errorf("a change of what has changed meanwhile: %v", err)
		}
		if err := errors.Join(bea.WriteFile(ctx, second, mail, &text), write(bea, second, "segments.yaml", "loyal: orders >= 9\n"), bea.Propose(ctx, second)); err != nil {
			t.Errorf("a change of other files: %v", err)
		}
		refused("somebody else's", anna.Withdraw(ctx, second), "only whoever proposed it")
		refused("somebody else's", anna.Drop(ctx, second), "somebody else's to drop")
		if err := errors.Join(bea.Withdraw(ctx, second), bea.Propose(ctx, second), anna.Refuse(ctx, second, "nine is too many")); err != nil {
			t.Fatal(err)
		}
		if p := of(second); p.State != marketing.Dropped || p.Because != "nine is too many" || p.DecidedBy != anna.By {
			t.Errorf("the proposal that was refused: %+v", p)
		}
		refused("what is over", bea.Propose(ctx, second), "only a draft")
		gone := begin(bea, "third")
		if err := errors.Join(bea.WriteFile(ctx, gone, mail, nil), write(bea, gone, "new.md", "x"), bea.WriteFile(ctx, gone, "new.md", nil), bea.Drop(ctx, gone)); err != nil {
			t.Fatal(err)
		}
		if p := of(gone); len(p.Files) != 1 || p.Files[mail] != nil || p.State != marketing.Dropped {
			t.Errorf("a draft that takes a file away: %+v", p)
		}
	})
}

func mayDecide(s *shoptest.Shop, p marketing.Proposal, by string) (may, sole bool) {
	s.Do(func(tx *store.Tx) (err error) { may, sole, err = marketing.MayDecide(tx, p, by); return err })
	return may, sole
}
