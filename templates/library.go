package templates

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// A campaign of the library is a folder and nothing else: campaign.yaml, its
// mails, and the pools and segments, cards and rewards that it needs.
//
//go:embed */loyalty.yaml */campaign.yaml */pools.yaml */segments.yaml */program.yaml */*.md */issues/*.md
var library embed.FS

// starterFolder holds what surrounds the campaigns of a new program.
const starterFolder = "starter"

// pointsFolder holds the loyalty.yaml that campaigns about points need.
const pointsFolder = "starter-points"

// friendsFolder holds what campaigns about friends need beside it: the part referral of
// loyalty.yaml, and its pool.
const friendsFolder = "starter-friends"

// ofFriends are the campaigns of the library about friends whom members bring.
var ofFriends = []string{"friend-joined", "friend-rewarded", "friend-welcome"}

// ofPoints are those that need a loyalty.yaml.
var ofPoints = append([]string{"card-filled", "points-ending", "reward-claimed", "statement", "tier-ending", "tier-reached"}, ofFriends...)

// Entry is a ready-made campaign of the library.
type Entry struct {
	Name     string            // its folder: welcome, milestone …
	About    string            // one sentence
	Files    map[string]string // path below the campaign's folder → text
	Pools    string            // what it needs in pools.yaml, "" nothing
	Segments string            // what it needs in segments.yaml, "" nothing
	Loyalty  string            // what it needs in loyalty.yaml beside points and tiers, "" nothing
	Points   bool              // it needs a loyalty.yaml
}

// Library returns the ready-made campaigns, sorted by name. Each is a draft until
// somebody writes "live: true" into it.
func Library() []Entry {
	var all []Entry
	folders, _ := fs.ReadDir(library, ".") // embedded: always there
	for _, f := range folders {
		if f.IsDir() && !slices.Contains([]string{starterFolder, pointsFolder, friendsFolder}, f.Name()) {
			all = append(all, entry(f.Name()))
		}
	}
	return all
}

func entry(name string) Entry {
	files := folder(name)
	e := Entry{Name: name, Files: files, Pools: files["pools.yaml"], Segments: files["segments.yaml"], Loyalty: files["loyalty.yaml"], Points: slices.Contains(ofPoints, name)}
	first, _, _ := strings.Cut(files["campaign.yaml"], "\n")
	e.About = strings.TrimSpace(strings.TrimPrefix(first, "#"))
	delete(files, "pools.yaml")
	delete(files, "segments.yaml")
	delete(files, "loyalty.yaml")
	return e
}

// folder reads an embedded folder: path below it → text.
func folder(name string) map[string]string {
	files := map[string]string{}
	fs.WalkDir(library, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := library.ReadFile(file)
		files[strings.TrimPrefix(file, name+"/")] = string(text)
		return err
	})
	return files
}

// Starter returns the files of a new program directory: the shop to be filled in,
// and the named campaigns of the library with the pools and segments that they
// need; without names, all that need no points. A loyalty.yaml comes with those that
// do. check passes on it as it stands.
func Starter(names ...string) (map[string]string, error) {
	entries := Library()
	if len(names) > 0 {
		picked, err := pick(entries, names)
		if err != nil {
			return nil, err
		}
		entries = picked
	} else {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Points })
	}
	files := folder(starterFolder)
	if slices.ContainsFunc(entries, func(e Entry) bool { return e.Points }) {
		maps.Copy(files, folder(pointsFolder))
	}
	for _, e := range entries {
		for file, text := range e.Files {
			files[path.Join("campaigns", e.Name, file)] = text
		}
		files["pools.yaml"] += e.Pools
		files["segments.yaml"] += e.Segments
		if e.Points {
			files["loyalty.yaml"] += e.Loyalty
		}
	}
	if slices.ContainsFunc(entries, func(e Entry) bool { return slices.Contains(ofFriends, e.Name) }) {
		for file, text := range folder(friendsFolder) {
			files[file] += text
		}
	}
	return files, nil
}

// StarterWithPoints is the starter with every campaign of the library, and points.
func StarterWithPoints() (map[string]string, error) {
	var names []string
	for _, e := range Library() {
		names = append(names, e.Name)
	}
	return Starter(names...)
}

func pick(all []Entry, names []string) ([]Entry, error) {
	known := map[string]Entry{}
	for _, e := range all {
		known[e.Name] = e
	}
	var picked []Entry
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		e, ok := known[name]
		if !ok {
			there := slices.Sorted(maps.Keys(known))
			return nil, fmt.Errorf("the library has no campaign %q; it has %s", name, strings.Join(there, ", "))
		}
		picked = append(picked, e)
	}
	return picked, nil
}
