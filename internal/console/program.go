package console

import (
	"archive/zip"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// programView is the program: what is being written, and the versions that were applied.
type programView struct {
	frame
	Proposals []marketing.Proposal
	Versions  []versions.Stored
	Older     int64  // the version before which the next page begins; 0: there is none
	By        string // the visitor, as the author of a draft
}

func (c *Console) program(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := programView{By: u.by()}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "program", c.pages.words.Say("program.title")); err != nil {
			return err
		}
		if view.Proposals, err = marketing.Proposals(tx); err != nil {
			return err
		}
		all, err := versions.List(tx)
		if err != nil {
			return err
		}
		view.Versions, view.Older, err = paged(r, func(before int64, limit int) ([]versions.Stored, error) {
			from := slices.IndexFunc(all, func(v versions.Stored) bool { return before == 0 || v.ID < before })
			if from < 0 {
				return nil, nil
			}
			return all[from:min(len(all), from+limit)], nil
		}, func(v versions.Stored) int64 { return v.ID })
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "program", view)
}

// Author is who wrote or applied something, without from where.
func (f frame) Author(by string) string { return strings.TrimPrefix(by, "console: ") }

// versionView is a version, with what it changed.
type versionView struct {
	frame
	Version versions.Stored
	Before  int64 // the version before it; 0: it is the first
	Changes []program.Change
	Files   []fileChange
	Cut     bool // there is more than is shown
	Names   []string

	Asked   bool // about a rollback
	Plan    marketing.Plan
	NoPlan  bool // counting would have taken too long
	Blocked []program.Problem
}

// fileChange is a file that differs, with the lines that are shown of it and what it means.
type fileChange struct {
	program.FileChange
	Put, Taken int64 // lines
	Means      []string
	Cut        bool // it has more lines that differ than are shown
}

// What one page shows of differences: lines, and bytes of them.
const (
	mostLines = 300
	mostShown = 30_000
)

// shownChanges are as many of the differences as a page holds, each file with what plan
// says of it.
func shownChanges(old, next map[string]string, plan []program.Change) (shown []fileChange, cut bool) {
	lines, bytes := mostLines, mostShown
	for _, change := range program.Differences(old, next) {
		f := fileChange{FileChange: change, Put: change.Lines("+"), Taken: change.Lines("-")}
		for _, c := range plan {
			if c.In(f.File) {
				f.Means = append(f.Means, c.Words)
			}
		}
		for i, line := range f.Shown {
			if lines, bytes = lines-1, bytes-len(line.Text); lines < 0 || bytes < 0 {
				f.Shown, f.Cut, cut = f.Shown[:i], true, true
				break
			}
		}
		shown = append(shown, f)
	}
	return shown, cut
}

// versionOf reads a version and the one before it.
func (c *Console) versionOf(r *http.Request, u visitor, view *versionView) (files, before map[string]string, err error) {
	id, err := numbered(r, "version")
	if err != nil {
		return nil, nil, err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "program", c.pages.words.Say("program.version", fmt.Sprint(id))); err != nil {
			return err
		}
		list, err := versions.List(tx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(v versions.Stored) bool { return v.ID == id })
		if at < 0 {
			return store.ErrNotFound
		}
		view.Version = list[at]
		if files, err = versions.Files(tx, id); err != nil || at+1 == len(list) {
			return err
		}
		view.Before = list[at+1].ID
		before, err = versions.Files(tx, view.Before)
		return err
	})
	return files, before, err
}

func (c *Console) version(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view versionView
	files, before, err := c.versionOf(r, u, &view)
	if err != nil {
		return err
	}
	view.Names = slices.Sorted(maps.Keys(files))
	if view.Before != 0 {
		view.Changes = meanings(before, files)
		view.Files, view.Cut = shownChanges(before, files, view.Changes)
	}
	return c.pages.show(w, http.StatusOK, "version", view)
}

// meanings are what plan says of files in place of others, as far as both can be read.
func meanings(old, next map[string]string) []program.Change {
	was, _, _ := program.Load(old) // what is wrong in it is said elsewhere
	is, _, _ := program.Load(next)
	if was == nil || is == nil {
		return nil
	}
	return program.Plan(program.Version{Program: was, Files: old}, program.Version{Program: is, Files: next})
}

// versionFileView is one file of a version.
type versionFileView struct {
	frame
	Version versions.Stored
	Name    string
	Lines   []string
	Picture *program.Picture // it is one
	Drafts  []marketing.Proposal
	Write   string // where a draft of the visitor's writes it, below /console/proposals/NUMBER/
}

// versionFile is a file as a version has it, whose lines can be pointed at.
func (c *Console) versionFile(w http.ResponseWriter, r *http.Request, u visitor) error {
	var v versionView
	files, _, err := c.versionOf(r, u, &v)
	if err != nil {
		return err
	}
	name := r.PathValue("file")
	text, there := files[name]
	if !there {
		return store.ErrNotFound
	}
	view := versionFileView{frame: v.frame, Version: v.Version, Name: name, Write: strings.TrimPrefix(filePath(0, name), "/console/proposals/0/")}
	view.Title = name
	if p, is := program.PictureOf(text); is && program.IsPicture(name) {
		view.Picture = &p
		return c.pages.show(w, http.StatusOK, "versionfile", view)
	}
	if len(text) > marketing.LargestFile {
		return wrong(c.pages.words.Say("program.large_file", name))
	}
	view.Lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	err = c.read(r.Context(), func(tx *store.Tx) error {
		all, err := marketing.Proposals(tx)
		for _, p := range all {
			if p.State == marketing.Drafted && p.Author == u.by() {
				view.Drafts = append(view.Drafts, p)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "versionfile", view)
}

// archive is a version as an archive.
func (c *Console) archive(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view versionView
	files, _, err := c.versionOf(r, u, &view)
	if err != nil {
		return err
	}
	var pictures map[string][]byte
	if err := c.read(r.Context(), func(tx *store.Tx) (err error) { pictures, err = versions.Pictures(tx, files); return err }); err != nil {
		return err
	}
	if files, err = program.WithBytes(files, pictures); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="program-%d.zip"`, view.Version.ID))
	out := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: view.Version.AppliedAt.Time})
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			return nil // the browser has gone away
		}
	}
	_ = out.Close() // as above
	return nil
}

// askRollback says what putting a version in force again would change, and asks.
func (c *Console) askRollback(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := versionView{Asked: true}
	files, _, err := c.versionOf(r, u, &view)
	if err != nil {
		return err
	}
	next := program.Version{Files: files}
	if next.Program, _, view.Blocked = program.Load(files); !program.Blocked(view.Blocked) {
		view.Blocked = nil
		view.Plan, view.NoPlan, err = c.plan(r, next)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "rollback", view)
}

// plan says what a program would change, where that can be counted in time.
func (c *Console) plan(r *http.Request, next program.Version) (p marketing.Plan, slow bool, err error) {
	p, err = c.Marketer.Plan(r.Context(), next, c.patience(r, askFor))
	if errors.Is(err, store.ErrTooLong) {
		return p, true, nil
	}
	return p, false, err
}

func (c *Console) rollback(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "version")
	if err != nil {
		return err
	}
	because, err := c.because(r)
	if err != nil {
		return err
	}
	ctx, cancel := lasting(r)
	defer cancel()
	if _, err := c.Marketer.As(u.by()).Rollback(ctx, id, u.by(), because); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/program", "applied")
}
