package program

import (
	"slices"
	"strings"
)

// Settings are the commonest settings of a campaign as campaign.yaml writes them: texts,
// as a form has them. "" is a setting that does not stand there.
type Settings struct {
	Kind  string            // of the start: a name of StartKinds
	Start map[string]string // its values: a list has commas, a group "key: value, key: value"
	Keys  map[string]string // those of SettingKeys
	Steps []StepSetting
}

// StepSetting is a mail with the wait before it.
type StepSetting struct {
	Was                      int // which step of the file its mail is, from 1; 0: a new one
	Wait, Mail, Coupon, Only string
	Choice                   string // in place of a mail: a choice, which only the text can change
}

// SettingKeys are the keys of campaign.yaml that Settings have beside start and steps.
var SettingKeys = []string{"live", "for", "except", "until", "again", "class", "topic", "holdout"}

// StartKind is a way to start a campaign, with the keys of its values. The first is the
// one that tells it apart.
type StartKind struct {
	Name string
	Keys []string
}

// StartKinds are all ways to start a campaign.
func StartKinds() []StartKind {
	all := []StartKind{{Name: "joins"}}
	for _, form := range startForms() {
		all = append(all, StartKind{form.rows[0].name, form.names()})
	}
	return all
}

// CampaignText is a campaign.yaml with what can be set in it by a form.
type CampaignText struct {
	Settings
	Left     []string  // what stands there and only the text can change: start, for, steps …
	Problems []Problem // why it cannot be read at all

	text  string
	root  *node
	lines []string
	ends  map[*node]int // key → the line after its last, from 0
}

// ReadCampaign reads the settings of a campaign.yaml.
func ReadCampaign(text string) *CampaignText {
	c := &CampaignText{text: text, Settings: Settings{Start: map[string]string{}, Keys: map[string]string{}}, ends: map[*node]int{}}
	r := &loader{files: map[string]string{campaignFile: text}}
	if r.readEncoding(); len(r.problems) == 0 {
		c.root = r.yaml(campaignFile)
	}
	c.Problems = r.problems
	if c.root == nil {
		return c
	}
	c.lines = c.root.src.lines
	c.measure(c.root.pairs, len(c.lines))
	for _, kv := range c.root.pairs {
		switch name := kv.key.text; {
		case kv.value.form == nothing:
		case name == "start":
			c.readStart(kv.value)
		case name == "steps":
			c.readSteps(kv)
		case slices.Contains(SettingKeys, name):
			if words, ok := inForm(kv.value); ok {
				c.Keys[name] = words
			} else {
				c.Left = append(c.Left, name)
			}
		}
	}
	return c
}

// measure finds where keys end: comments and blank lines before the next key are the next one's.
func (c *CampaignText) measure(pairs []pair, end int) {
	for i, kv := range pairs {
		to := end
		if i+1 < len(pairs) {
			to = pairs[i+1].key.line - 1
		}
		for to > kv.key.line && idle(c.lines[to-1]) {
			to--
		}
		c.ends[kv.key] = to
	}
}

// idle reports whether a line says nothing to YAML.
func idle(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// inForm is a value as a form shows it; false: a form cannot.
func inForm(n *node) (words string, ok bool) {
	var parts []string
	switch n.form {
	case scalar:
		return n.text, !strings.Contains(n.text, "\n")
	case list:
		for _, item := range n.items {
			if item.form != scalar || strings.ContainsAny(item.text, ",\n") {
				return "", false
			}
			parts = append(parts, item.text)
		}
	case mapping:
		for _, kv := range n.pairs {
			if kv.value.form != scalar || strings.ContainsAny(kv.value.text, ",:\n") {
				return "", false
			}
			parts = append(parts, kv.key.text+": "+kv.value.text)
		}
	}
	return strings.Join(parts, ", "), true
}

func (c *CampaignText) readStart(n *node) {
	if n.form == scalar && n.text == "joins" {
		c.Kind = n.text
		return
	}
	for _, kind := range StartKinds()[1:] {
		if n.form != mapping || !(section{nil, n}).has(kind.Name) {
			continue
		}
		c.Kind = kind.Name
		for _, kv := range n.pairs {
			words, ok := inForm(kv.value)
			if !ok || !slices.Contains(kind.Keys, kv.key.text) {
				break
			}
			c.Start[kv.key.text] = words
		}
		if len(c.Start) == len(n.pairs) {
			return
		}
		break
	}
	c.Kind, c.Start = "", map[string]string{}
	c.Left = append(c.Left, "start")
}

// readSteps reads the steps, where each begins on a line of its own and a mail or a choice
// follows each wait.
func (c *CampaignText) readSteps(kv pair) {
	wait, line := "", kv.key.line
	for i, item := range kv.value.items {
		apart := item.form == mapping && item.line > line && strings.TrimSpace(c.before(item)) == "-"
		line = item.line
		row := StepSetting{Was: i + 1, Wait: wait}
		s := section{nil, item}
		for _, one := range []struct {
			key  string
			into *string
		}{{"wait", &wait}, {"mail", &row.Mail}, {"coupon", &row.Coupon}, {"if", &row.Only}} {
			if found := s.pair(one.key); apart && found.key != nil {
				words, ok := inForm(found.value)
				*one.into, apart = words, ok && found.value.form == scalar
			}
		}
		waits, last := s.has("wait"), i+1 == len(kv.value.items)
		switch {
		case !apart, waits && (row.Wait != "" || last || len(item.pairs) > 1), !waits && row.Mail == "" && !s.has("choose"):
			c.Steps, c.Left = nil, append(c.Left, "steps")
			return
		case waits:
			continue
		case s.has("choose"):
			from, to := c.step(kv, i)
			row.Choice = strings.Join(c.lines[from:to], "\n")
		}
		c.Steps, wait = append(c.Steps, row), ""
	}
	if kv.value.form != list {
		c.Left = append(c.Left, "steps")
	}
}

// before is what stands in a node's line before it.
func (c *CampaignText) before(n *node) string {
	return string([]rune(c.lines[n.line-1])[:n.col-1])
}

// step is where a step of the file stands, with the comments before it.
func (c *CampaignText) step(steps pair, i int) (from, to int) {
	items := steps.value.items
	begins := func(i int) int {
		at := items[i].line - 1
		for at-1 > steps.key.line-1 && idle(c.lines[at-1]) {
			at--
		}
		return at
	}
	if to = c.ends[steps.key]; i+1 < len(items) {
		to = begins(i + 1)
	}
	return begins(i), to
}

// At names the setting that a line of the file belongs to: a key, or a mail as its place
// among Steps, from 1; "", 0 where it is none.
func (c *CampaignText) At(line int) (key string, step int) {
	if c.root == nil {
		return "", 0
	}
	for _, kv := range c.root.pairs {
		if line < kv.key.line || line > c.ends[kv.key] {
			continue
		}
		if kv.key.text == "steps" {
			for i, row := range c.Steps {
				if _, to := c.step(kv, row.Was-1); line <= to && line > kv.key.line {
					return "steps", i + 1
				}
			}
		}
		return kv.key.text, 0
	}
	return "", 0
}

// CampaignFile is the path of a campaign's settings.
func CampaignFile(campaign string) string { return CampaignsRoot + campaign + "/" + campaignFile }

// CampaignsOf names the campaigns whose settings are among files, sorted.
func CampaignsOf(files map[string]string) (names []string) {
	for file := range files {
		if name := campaignOf(file); name != "" && file == CampaignFile(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
