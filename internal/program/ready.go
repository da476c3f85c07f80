package program

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"regulars/templates"
)

// Take returns the files that change when a ready-made campaign comes into a program under
// a name: its own in the program's languages, and the pools and segments that it needs and
// the program has not. Where its mails lack the language that serves everybody they come
// in English under its name, to be translated.
func Take(files map[string]string, languages []string, e templates.Entry, name string) (map[string]string, error) {
	switch _, points := files[loyaltyFile]; {
	case !MayHold(CampaignFile(name)) || name == "" || strings.Contains(name, "/"):
		return nil, fmt.Errorf("%q does not do as the name of a campaign: use letters without accents, digits, - and _", name)
	case slices.Contains(CampaignsOf(files), name):
		return nil, fmt.Errorf("there is a campaign %s already: give this one another name", name)
	case e.Points && !points:
		return nil, fmt.Errorf("%s is about points, tiers or friends, and this program has none: write loyalty.yaml first", e.Name)
	}
	taken := map[string]string{}
	folder := CampaignsRoot + name + "/"
	for file, text := range e.Files {
		mail, language, ext, is := templates.SplitName(file)
		if !is || language == "" {
			taken[folder+file] = text
			continue
		}
		if slices.Contains(languages, language) {
			taken[folder+file] = text
		}
		own := fmt.Sprintf("%s.%s.%s", mail, firstOf(languages), ext)
		if _, there := e.Files[own]; !there && language == "en" {
			taken[folder+own] = text
		}
	}
	for file, text := range map[string]string{poolsFile: e.Pools, segmentsFile: e.Segments, loyaltyFile: e.Loyalty} {
		if more := lacking(files[file], text); more != "" {
			taken[file] = strings.TrimRight(files[file], "\n") + "\n" + more
			if files[file] == "" {
				taken[file] = more
			}
		}
	}
	return taken, nil
}

// lacking are the keys of a YAML file that another does not have, as they are written.
func lacking(there, wanted string) (more string) {
	has := section{nil, ReadCampaign(there).root}
	w := ReadCampaign(wanted)
	if w.root == nil {
		return ""
	}
	for _, kv := range w.root.pairs {
		if has.n == nil || !has.has(kv.key.text) {
			more += strings.Join(w.lines[kv.key.line-1:w.ends[kv.key]], "\n") + "\n"
		}
	}
	return more
}

// MailsOf are the mails among the files of a campaign's folder, by their paths, sorted.
func MailsOf(files map[string]string, campaign string) (mails []string) {
	for file := range files {
		below, is := strings.CutPrefix(file, CampaignsRoot+campaign+"/")
		if _, language, _, mail := templates.SplitName(below); is && mail && language != "" && path.Ext(file) != ".yaml" {
			mails = append(mails, file)
		}
	}
	slices.Sort(mails)
	return mails
}
