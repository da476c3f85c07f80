package marketing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// States of a proposal: a draft is its author's to write; what is proposed waits for
// somebody else; then it is applied or dropped, for good.
const (
	Drafted  = "draft"
	Proposed = "proposed"
	InEffect = "applied"
	Dropped  = "dropped"
)

// Limits of a proposal, in bytes and in letters.
const (
	LargestFile   = 64 << 10 // of one file: larger ones are written in the directory
	mostProposed  = 1 << 20
	longestTitle  = 120
	longestPath   = 200
	mostOpenOnes  = 200 // drafts and proposals at a time
	shownFinished = 50
)

// Proposal is a change of the program that somebody wrote in the console. Nothing of it
// is in force until somebody has applied it.
type Proposal struct {
	ID        int64
	Title     string
	State     string
	Base      int64 `gorm:"column:base_id"` // the version that it was begun from
	Author    string
	CreatedAt loyalty.Instant
	ChangedAt loyalty.Instant
	DecidedBy string
	DecidedAt loyalty.Instant
	Because   string
	Version   int64 // what it became; 0: nothing

	Text  string             `gorm:"column:files"`
	Files map[string]*string `gorm:"-"` // what is other than in Base; nil: the file is taken away
}

const proposalColumns = `p.id, p.title, p.state, p.base_id, p.author, p.created_at, p.changed_at, p.decided_by, p.decided_at, p.because, coalesce(p.version_id, 0) as version`

// Proposals lists those that are open and the newest of those that are over, newest first.
func Proposals(tx *store.Tx) (list []Proposal, err error) {
	err = tx.All(&list, `
		select `+proposalColumns+`
		from   proposals p
		where  p.state in ('draft', 'proposed')
		or     p.id in (select o.id from proposals o where o.state in ('applied', 'dropped') order by o.id desc limit @most)
		order  by p.id desc`, store.Args{"most": shownFinished})
	return list, err
}

// ProposalOf returns one with its files.
func ProposalOf(tx *store.Tx, id int64) (p Proposal, err error) {
	err = tx.One(&p, "select "+proposalColumns+", cast(p.files as text) as files from proposals p where p.id = @id", store.Args{"id": id})
	if err == nil {
		err = json.Unmarshal([]byte(p.Text), &p.Files)
	}
	if err != nil {
		return p, fmt.Errorf("proposal %d: %w", id, err)
	}
	return p, nil
}

// Begin makes a draft of a change and returns its number.
func (m Marketer) Begin(ctx context.Context, title string) (id int64, err error) {
	title = strings.Join(strings.Fields(title), " ")
	if title == "" || len(title) > longestTitle {
		return 0, fmt.Errorf("say in a few words what the change is for, in %d letters at most", longestTitle)
	}
	return update(ctx, m.DB, func(tx *store.Tx) (id int64, err error) {
		v, err := versions.Active(tx)
		if err != nil {
			return 0, err
		}
		var open int64
		if err := tx.One(&open, "select count(*) from proposals where state in ('draft', 'proposed')", nil); err != nil {
			return 0, err
		}
		if open >= mostOpenOnes {
			return 0, fmt.Errorf("%d changes are open: apply or drop some of them first", open)
		}
		err = tx.One(&id, `
			insert into proposals (title, state, base_id, files, author, created_at, changed_at)
			values (@title, 'draft', @base, `+tx.JSONParam("@files")+`, @by, @now, @now)
			returning id`, store.Args{"title": title, "base": v.ID, "files": "{}", "by": m.By, "now": tx.At})
		if err != nil {
			return 0, err
		}
		return id, m.note(tx, staff.Act{Act: "begin", About: changeOf(id), Before: fmt.Sprintf("version %d", v.ID), After: title})
	})
}

// WriteFile sets the text of a file in one's own draft; nil takes the file away.
func (m Marketer) WriteFile(ctx context.Context, id int64, name string, text *string) error {
	return m.WriteFiles(ctx, id, map[string]*string{name: text})
}

// WriteFiles sets several at once. Text that is the one of the version that the draft was
// begun from is no change.
func (m Marketer) WriteFiles(ctx context.Context, id int64, texts map[string]*string) error {
	for name := range texts {
		if err := goodPath(name); err != nil {
			return err
		}
	}
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := m.ownDraft(tx, id)
		if err != nil {
			return err
		}
		base, err := versions.Files(tx, p.Base)
		if err != nil {
			return err
		}
		for name, text := range texts {
			was, is := base[name]
			switch {
			case text == nil && !is, text != nil && is && *text == was:
				delete(p.Files, name)
			case text != nil && len(*text) > LargestFile:
				return fmt.Errorf("%s is larger than %d kB: write it in the program's directory", name, LargestFile>>10)
			default:
				p.Files[name] = text
			}
		}
		files := store.JSON(p.Files)
		if len(files) > mostProposed {
			return fmt.Errorf("these changes are larger than %d MB together: make two of them", mostProposed>>20)
		}
		_, err = tx.Exec("update proposals set files = "+tx.JSONParam("@files")+", changed_at = @now where id = @id", store.Args{"files": files, "now": tx.At, "id": id})
		if err != nil {
			return err
		}
		return m.note(tx, staff.Act{Act: "write", About: changeOf(id), After: strings.Join(slices.Sorted(maps.Keys(texts)), ", ")})
	})
}

// changeOf is what a draft or proposal is called in the audit.
func changeOf(id int64) string { return fmt.Sprintf("change %d of the program", id) }

// AddPicture keeps a picture in one's own draft under what it is called, and returns its
// path among the files. What it is is told by its bytes.
func (m Marketer) AddPicture(ctx context.Context, id int64, called string, body []byte) (file string, err error) {
	p, err := program.ReadPicture(body)
	if err != nil {
		return "", err
	}
	file = program.PictureName(called, p.Type)
	err = m.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := m.ownDraft(tx, id); err != nil {
			return err
		}
		return versions.PutPicture(tx, p, body)
	})
	if err != nil {
		return "", err
	}
	text := p.Text()
	return file, m.WriteFile(ctx, id, file, &text)
}

// KeepPictures keeps the bytes of the pictures of a program that is about to be applied.
func (m Marketer) KeepPictures(ctx context.Context, files map[string]string, bodies map[string][]byte) error {
	for _, p := range program.PicturesOf(files) {
		if err := m.DB.Update(ctx, func(tx *store.Tx) error { return versions.PutPicture(tx, p, bodies[p.Name]) }); err != nil {
			return err
		}
	}
	return nil
}

// dropPictures takes away the pictures that nothing but a dropped proposal had.
func (p Proposal) dropPictures(tx *store.Tx) error {
	texts := map[string]string{}
	for file, text := range p.Files {
		if text != nil {
			texts[file] = *text
		}
	}
	var names []string
	for _, picture := range program.PicturesOf(texts) {
		names = append(names, picture.Name)
	}
	return versions.DropPictures(tx, names)
}

// goodPath says whether a program may have a file of that name.
func goodPath(name string) error {
	if len(name) > longestPath || !program.MayHold(name) {
		return fmt.Errorf("%q is no file of a program: it is like campaigns/spring/campaign.yaml or campaigns/spring/offer.en.md", name)
	}
	return nil
}

// ownDraft is a draft that the marketer may change: nobody writes into another's.
func (m Marketer) ownDraft(tx *store.Tx, id int64) (Proposal, error) {
	p, err := lockProposal(tx, id)
	switch {
	case err != nil:
		return p, err
	case p.State != Drafted:
		return p, fmt.Errorf("this change is %s: only a draft can be written", p.State)
	case p.Author != m.By:
		return p, fmt.Errorf("this draft is %s's: begin one of your own", strings.TrimPrefix(p.Author, "console: "))
	}
	return p, nil
}

// lockProposal reads one that nobody else changes meanwhile.
func lockProposal(tx *store.Tx, id int64) (Proposal, error) {
	if _, err := tx.Exec("update proposals set title = title where id = @id", store.Args{"id": id}); err != nil {
		return Proposal{}, err
	}
	return ProposalOf(tx, id)
}

// Propose lays one's own draft before the others.
func (m Marketer) Propose(ctx context.Context, id int64) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := m.ownDraft(tx, id)
		if err != nil {
			return err
		}
		if len(p.Files) == 0 {
			return errors.New("nothing is other than it was: there is nothing to propose")
		}
		_, _, problems, err := p.Next(tx)
		if err != nil {
			return err
		}
		if program.Blocked(problems) {
			return &versions.Refused{Problems: problems}
		}
		return m.turn(tx, p, Proposed, "propose", "")
	})
}

// Withdraw makes a proposal of one's own a draft again.
func (m Marketer) Withdraw(ctx context.Context, id int64) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := lockProposal(tx, id)
		switch {
		case err != nil:
			return err
		case p.State != Proposed:
			return fmt.Errorf("this change is %s: there is nothing to take back", p.State)
		case p.Author != m.By:
			return errors.New("only whoever proposed it takes it back; drop it instead, and say why")
		}
		return m.turn(tx, p, Drafted, "withdraw", "")
	})
}

// Drop ends a draft or a proposal of one's own.
func (m Marketer) Drop(ctx context.Context, id int64) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := lockProposal(tx, id)
		switch {
		case err != nil:
			return err
		case p.State != Drafted && p.State != Proposed:
			return fmt.Errorf("this change is %s already", p.State)
		case p.Author != m.By:
			return errors.New("this change is somebody else's to drop")
		}
		return m.turn(tx, p, Dropped, "drop", "")
	})
}

// Refuse ends a proposal of anybody's, and says why.
func (m Marketer) Refuse(ctx context.Context, id int64, because string) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := lockProposal(tx, id)
		if err == nil && p.State != Proposed {
			err = fmt.Errorf("this change is %s: only what is proposed is refused", p.State)
		}
		if err != nil {
			return err
		}
		return m.turn(tx, p, Dropped, "refuse", because)
	})
}

// turn gives a proposal another state, and notes that.
func (m Marketer) turn(tx *store.Tx, p Proposal, state, act, because string) (err error) {
	args := store.Args{"id": p.ID, "state": state, "by": "", "at": nil, "because": because, "now": tx.At}
	if state == Dropped {
		args["by"], args["at"] = m.By, tx.At
	}
	if state == Dropped {
		defer func() { err = cmp.Or(err, p.dropPictures(tx)) }()
	}
	_, err = tx.Exec("update proposals set state = @state, decided_by = @by, decided_at = @at, because = @because, changed_at = @now where id = @id", args)
	if err != nil {
		return err
	}
	return m.note(tx, staff.Act{Act: act, About: changeOf(p.ID), Before: p.State, After: strings.TrimSuffix(p.Title+": "+because, ": ")})
}

// Conflict says that files of a proposal have changed in the program since it was begun.
type Conflict struct{ Files []string }

func (c *Conflict) Error() string {
	return fmt.Sprintf("%s changed in the program since this was begun: begin anew from the version in force", strings.Join(c.Files, ", "))
}

// Next returns the program as it would be with a proposal on the version in force, with
// what is wrong with it; a *Conflict where both changed the same file.
func (p Proposal) Next(tx *store.Tx) (next program.Version, texts program.Texts, problems []program.Problem, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return next, nil, nil, err
	}
	now, err := versions.Files(tx, v.ID)
	if err != nil {
		return next, nil, nil, err
	}
	if v.ID != p.Base {
		base, err := versions.Files(tx, p.Base)
		if err != nil {
			return next, nil, nil, err
		}
		if clash := p.clashes(base, now); len(clash) > 0 {
			return next, nil, nil, &Conflict{clash}
		}
	}
	next.Files = p.On(now)
	next.Program, texts, problems = program.Check(next.Files, tx.At.Time)
	return next, texts, problems, nil
}

// On returns files with the proposal's changes.
func (p Proposal) On(files map[string]string) map[string]string {
	next := maps.Clone(files)
	for name, text := range p.Files {
		if delete(next, name); text != nil {
			next[name] = *text
		}
	}
	return next
}

// clashes are the files that the proposal changes and that are other now than they were.
func (p Proposal) clashes(base, now map[string]string) (files []string) {
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		was, before := base[name]
		is, after := now[name]
		same := p.Files[name] == nil && !after || p.Files[name] != nil && after && is == *p.Files[name] // it says what is there by now
		if (was != is || before != after) && !same {
			files = append(files, name)
		}
	}
	return files
}

// ErrOwn says that a change needs another pair of eyes.
var ErrOwn = errors.New("somebody else with the role launcher applies a change that you proposed yourself")

// MayDecide reports whether somebody may apply a proposal: not its author, unless there
// is nobody else who could. sole says that this is so.
func MayDecide(tx *store.Tx, p Proposal, by string) (may, sole bool, err error) {
	if p.Author != by {
		return true, false, nil
	}
	others, err := staff.OthersWho(tx, staff.Launcher, strings.TrimPrefix(by, "console: "))
	return others == 0, others == 0, err
}

// Seen stands for what a person looked at before they said yes: what the proposal says,
// and the version that it was laid on.
func (p Proposal) Seen(on int64) string {
	sum := sha256.Sum256([]byte(store.JSON(p.Files)))
	return fmt.Sprintf("%d-%x", on, sum[:12])
}

// ApplyProposal puts a proposal in force, as it was when it was looked at, on the version
// that was in force then.
func (m Marketer) ApplyProposal(ctx context.Context, id int64, seen string) (done Applied, err error) {
	var next program.Version
	done.Applied, err = update(ctx, m.DB, func(tx *store.Tx) (applied versions.Applied, err error) {
		v, err := versions.Lock(tx)
		if err != nil {
			return applied, err
		}
		p, err := lockProposal(tx, id)
		if err != nil {
			return applied, err
		}
		may, _, err := MayDecide(tx, p, m.By)
		switch {
		case err != nil:
			return applied, err
		case p.State != Proposed:
			return applied, fmt.Errorf("this change is %s: only what is proposed can be applied", p.State)
		case !may:
			return applied, ErrOwn
		case v == nil || p.Seen(v.ID) != seen:
			return applied, errors.New("this is not what you looked at any more: look at it again")
		}
		var problems []program.Problem
		if next, _, problems, err = p.Next(tx); err != nil {
			return applied, err
		}
		if program.Blocked(problems) {
			return applied, &versions.Refused{Problems: problems}
		}
		note := fmt.Sprintf("change %d by %s: %s", p.ID, strings.TrimPrefix(p.Author, "console: "), p.Title)
		if applied, err = m.putInForce(tx, next, m.By, note); err != nil {
			return applied, err
		}
		_, err = tx.Exec("update proposals set state = 'applied', decided_by = @by, decided_at = @now, version_id = @version where id = @id",
			store.Args{"by": m.By, "now": tx.At, "version": applied.Version, "id": id})
		return applied, err
	})
	if err != nil {
		return Applied{}, err
	}
	return m.warned(ctx, done, next)
}
