package program

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
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

// Set returns the file with other settings. Whatever else stands in it stays, byte for
// byte: comments, keys that a form does not know, the lines of what is as it was. Where
// that cannot be, it is an error that says so in words for the writer.
func (c *CampaignText) Set(next Settings) (string, error) {
	if c.root == nil {
		return "", errors.New("the file cannot be read as it is: mend its text first")
	}
	if len(c.root.pairs) > 0 && (c.root.col > 1 || strings.HasPrefix(strings.TrimSpace(c.lines[c.root.line-1]), "{")) {
		return "", errors.New("the file is written in one { }: change its text")
	}
	next = next.trimmed()
	e := &settingEditor{CampaignText: c}
	left := func(key string) bool { return slices.Contains(c.Left, key) }
	if !left("start") && (next.Kind != c.Kind || !maps.Equal(next.Start, c.Start)) {
		e.set("start", next.start())
	}
	for _, key := range SettingKeys {
		if !left(key) && next.Keys[key] != c.Keys[key] {
			value := next.Keys[key]
			if value != "" {
				value = asYAML(key, value)
			}
			e.set(key, value)
		}
	}
	if !left("steps") && !slices.Equal(next.Steps, c.Steps) {
		if err := e.steps(next.Steps); err != nil {
			return "", err
		}
	}
	text := e.done()
	return text, c.kept(text, next)
}

// trimmed is without blanks around values and without what is empty.
func (s Settings) trimmed() Settings {
	next := Settings{Kind: s.Kind, Start: filled(s.Start), Keys: filled(s.Keys)}
	for _, kind := range StartKinds() {
		if kind.Name == s.Kind {
			maps.DeleteFunc(next.Start, func(key, _ string) bool { return !slices.Contains(kind.Keys, key) })
		}
	}
	for _, row := range s.Steps {
		row.Wait, row.Mail, row.Coupon, row.Only = oneLine(row.Wait), oneLine(row.Mail), oneLine(row.Coupon), oneLine(row.Only)
		if row.Mail != "" || row.Choice != "" {
			next.Steps = append(next.Steps, row)
		}
	}
	return next
}

// filled are the values that say something, each on one line.
func filled(values map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range values {
		if value = oneLine(value); value != "" {
			all[key] = value
		}
	}
	return all
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// start is the start as YAML.
func (s Settings) start() string {
	if s.Kind == "joins" || s.Kind == "" {
		return s.Kind
	}
	var parts []string
	for _, kind := range StartKinds() {
		if kind.Name != s.Kind {
			continue
		}
		for _, key := range kind.Keys {
			value, is := s.Start[key]
			switch {
			case key == "launch":
				value = "{" + value + "}"
			case !is && key == kind.Name:
				value = `""`
			case !is:
				continue
			default:
				value = asYAML(s.Kind+"."+key, value)
			}
			parts = append(parts, key+": "+value)
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// asYAML is a value as YAML: several in brackets where the key takes them.
func asYAML(key, value string) string {
	several := slices.Contains([]string{"until", "milestone.at", "yearly.before", "date.before"}, key) && strings.Contains(value, ",") && !strings.ContainsAny(value, `()"`)
	inside := strings.Contains(key, ".")
	if !several {
		return quoted(value, inside)
	}
	var parts []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, quoted(part, true))
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// quoted is a value as YAML reads it back: in single quotes where it would be taken for
// something else; inside of brackets more is.
func quoted(value string, inside bool) string {
	bad := value == "" || strings.ContainsAny(value[:1], "-?:,[]{}#&*!|>'\"%@` ") || strings.Contains(value, ": ") || strings.Contains(value, " #") ||
		strings.HasSuffix(value, ":") || inside && strings.ContainsAny(value, ",[]{}")
	if !bad {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}

// settingEditor changes lines of a campaign.yaml.
type settingEditor struct {
	*CampaignText
	edits []lineEdit
}

// lineEdit puts lines in place of those from one to before another, counted from 0.
type lineEdit struct {
	from, to int
	lines    []string
}

// keyOrder is the sequence in which the keys of a campaign are written.
var keyOrder = slices.Concat([]string{"start"}, SettingKeys, []string{"steps"})

// set writes, changes or takes away a key.
func (e *settingEditor) set(key, value string) {
	s := section{nil, e.root}
	kv := s.pair(key)
	switch {
	case kv.key == nil && value == "":
	case kv.key == nil:
		at := e.place(key)
		e.edits = append(e.edits, lineEdit{at, at, []string{e.padded(key) + value}})
	case value == "":
		e.edits = append(e.edits, lineEdit{kv.key.line - 1, e.ends[kv.key], nil})
	case kv.value.form == nothing || e.ends[kv.key] > kv.key.line:
		e.edits = append(e.edits, lineEdit{kv.key.line - 1, e.ends[kv.key], []string{key + ": " + value}})
	default:
		e.edits = append(e.edits, lineEdit{kv.key.line - 1, kv.key.line, []string{replaced(e.lines[kv.key.line-1], kv.value, value)}})
	}
}

// padded is a key with its colon, as far from its value as the file's others.
func (e *settingEditor) padded(key string) string {
	wide := len(key) + 2
	if len(e.root.pairs) > 0 {
		first := e.root.pairs[0].key
		after := strings.TrimPrefix(e.lines[first.line-1], first.text+":")
		if gap := len(after) - len(strings.TrimLeft(after, " ")); gap > 1 {
			wide = max(wide, len(first.text)+1+gap)
		}
	}
	return key + ":" + strings.Repeat(" ", wide-len(key)-1)
}

// place is the line before which a new key goes: after those that come before it.
func (e *settingEditor) place(key string) int {
	at, rank := -1, slices.Index(keyOrder, key)
	for _, kv := range e.root.pairs {
		if i := slices.Index(keyOrder, kv.key.text); i >= 0 && i < rank {
			at = max(at, e.ends[kv.key])
		}
	}
	if at < 0 && len(e.root.pairs) > 0 {
		return e.root.pairs[0].key.line - 1
	}
	if at < 0 {
		return len(strings.Split(strings.TrimRight(e.text, "\n"), "\n")) - map[bool]int{true: 1}[strings.TrimSpace(e.text) == ""]
	}
	return at
}

// replaced is a line with another value; a comment keeps its column where it can.
func replaced(line string, was *node, value string) string {
	runes := []rune(line)
	before, rest := string(runes[:was.col-1]), string(runes[was.col-1:])
	if was.form == mapping && strings.HasSuffix(before, "{") { // a group begins at its first key
		before, rest = strings.TrimSuffix(before, "{"), "{"+rest
	}
	end := valueEnd(rest)
	comment := strings.TrimLeft(rest[end:], " ")
	if comment == "" {
		return before + value
	}
	gap := utf8.RuneCountInString(rest[:len(rest)-len(comment)]) - utf8.RuneCountInString(value)
	return before + value + strings.Repeat(" ", max(gap, 2)) + comment
}

// valueEnd is where a value ends that begins a text of one line, in bytes: before its comment.
func valueEnd(text string) int {
	quote, flow := byte(0), strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case (c == '"' || c == '\'') && (i == 0 || flow && strings.IndexByte(" [{,:", text[i-1]) >= 0):
			quote = c
		case c == '#' && i > 0 && text[i-1] == ' ':
			return len(strings.TrimRight(text[:i], " "))
		}
	}
	return len(text)
}

// steps writes the steps: the lines of what is as it was stay as they are.
func (e *settingEditor) steps(rows []StepSetting) error {
	kv := (section{nil, e.root}).pair("steps")
	var lines []string
	margin := "  "
	was := map[int]StepSetting{}
	for _, row := range e.Steps {
		was[row.Was] = row
	}
	if kv.key != nil && kv.value.form == list && len(kv.value.items) > 0 {
		margin = strings.TrimSuffix(strings.TrimRight(e.before(kv.value.items[0]), " "), "-")
	}
	for _, row := range rows {
		old, stood := was[row.Was]
		if row.Was > 0 && !stood {
			return errors.New("the file has changed meanwhile: look at it again")
		}
		delete(was, row.Was)
		switch {
		case row.Wait == "":
		case stood && old.Wait != "":
			from, to := e.step(kv, row.Was-2)
			for i := from; i < to; i++ {
				line := e.lines[i]
				if at := kv.value.items[row.Was-2]; row.Wait != old.Wait && i == at.line-1 {
					line = replaced(line, at.pairs[0].value, quoted(row.Wait, false))
				}
				lines = append(lines, line)
			}
		default:
			lines = append(lines, margin+"- wait: "+quoted(row.Wait, false))
		}
		switch {
		case !stood:
			lines = append(lines, fresh(margin, row)...)
		case row.Mail == old.Mail && row.Coupon == old.Coupon && row.Only == old.Only:
			from, to := e.step(kv, row.Was-1)
			lines = append(lines, e.lines[from:to]...)
		default:
			changed, err := e.changed(kv, margin, row)
			if err != nil {
				return err
			}
			lines = append(lines, changed...)
		}
	}
	switch {
	case kv.key == nil:
		at := e.place("steps")
		e.edits = append(e.edits, lineEdit{at, at, append([]string{"steps:"}, lines...)})
	case kv.value.form == nothing:
		e.edits = append(e.edits, lineEdit{e.ends[kv.key], e.ends[kv.key], lines})
	default:
		from, _ := e.step(kv, 0)
		e.edits = append(e.edits, lineEdit{from, e.ends[kv.key], lines})
	}
	return nil
}

// fresh is a mail that the file did not send.
func fresh(margin string, row StepSetting) []string {
	lines := []string{margin + "- mail: " + quoted(row.Mail, false)}
	for _, kv := range row.rest() {
		if kv[1] != "" {
			lines = append(lines, margin+"  "+kv[0]+": "+quoted(kv[1], false))
		}
	}
	return lines
}

func (s StepSetting) rest() [][2]string { return [][2]string{{"coupon", s.Coupon}, {"if", s.Only}} }

// changed is a step of the file with another mail, coupon or condition.
func (e *settingEditor) changed(steps pair, margin string, row StepSetting) (lines []string, err error) {
	item := steps.value.items[row.Was-1]
	from, to := e.step(steps, row.Was-1)
	lead, body := e.lines[from:item.line-1], e.lines[item.line-1:to]
	value := map[string]string{"mail": row.Mail, "coupon": row.Coupon, "if": row.Only}
	if strings.HasSuffix(e.before(item), "{") || len(item.pairs) > 1 && item.pairs[1].key.line == item.line {
		return nil, fmt.Errorf("the step with the mail %s is written in one { }: change it in the text", row.Mail)
	}
	lines = slices.Clone(lead)
	dash := margin + "- "
	put := func(line string) {
		lines, dash = append(lines, dash+line), margin+"  "
	}
	for i, kv := range item.pairs {
		end := len(body)
		if i+1 < len(item.pairs) {
			end = item.pairs[i+1].key.line - item.line
		}
		own := body[kv.key.line-item.line : end]
		next, ours := value[kv.key.text]
		delete(value, kv.key.text)
		switch first := []rune(own[0])[kv.key.col-1:]; {
		case ours && next == "":
			lines = append(lines, commentLines(own[1:])...)
		case ours && next != kv.value.text && kv.value.line == kv.key.line:
			moved := *kv.value
			moved.col -= kv.key.col - 1
			put(replaced(string(first), &moved, quoted(next, false)))
			lines = append(lines, commentLines(own[1:])...)
		default:
			put(string(first))
			lines = append(lines, own[1:]...)
		}
	}
	for _, kv := range row.rest() {
		if value[kv[0]] != "" {
			put(kv[0] + ": " + quoted(kv[1], false))
		}
	}
	return lines, nil
}

func commentLines(lines []string) (idles []string) {
	for _, line := range lines {
		if idle(line) {
			idles = append(idles, line)
		}
	}
	return idles
}

// done is the text with all edits, with the ends of lines that it had.
func (e *settingEditor) done() string {
	slices.SortStableFunc(e.edits, func(a, b lineEdit) int { return a.from - b.from })
	var lines []string
	at := 0
	all := e.lines
	if strings.TrimSpace(e.text) == "" {
		all = []string{""}
	}
	for _, edit := range e.edits {
		lines = append(append(lines, all[at:edit.from]...), edit.lines...)
		at = edit.to
	}
	lines = append(lines, all[at:]...)
	text := strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
	if strings.Contains(e.text, "\r\n") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// kept checks that a text says what was set, and all that the file said beside it.
func (c *CampaignText) kept(text string, next Settings) error {
	after := ReadCampaign(text)
	if after.root == nil {
		return errors.New("these values cannot be written one beside the other: change the text")
	}
	for _, comment := range commentsOf(c.lines) {
		if !slices.Contains(commentsOf(after.lines), comment) {
			return fmt.Errorf("the comment %q would be lost: change the text", comment)
		}
	}
	for _, kv := range c.root.pairs {
		other := (section{nil, after.root}).pair(kv.key.text)
		ours := kv.key.text == "start" || kv.key.text == "steps" || slices.Contains(SettingKeys, kv.key.text)
		if (!ours || slices.Contains(c.Left, kv.key.text)) && (other.key == nil || !sameNode(kv.value, other.value)) {
			return fmt.Errorf("%s would be lost: change the text", kv.key.text)
		}
	}
	for key, want := range next.Keys {
		if !slices.Contains(c.Left, key) && after.Keys[key] != want {
			return fmt.Errorf("%q cannot be written here: change the text", want)
		}
	}
	if !slices.Contains(c.Left, "start") && (after.Kind != next.Kind || !maps.Equal(after.Start, next.Start)) && next.Start[next.Kind] != "" {
		return errors.New("the start cannot be written like this: change the text")
	}
	if slices.Contains(c.Left, "steps") {
		return nil
	}
	if len(after.Steps) != len(next.Steps) {
		return errors.New("the mails cannot be written like this: change the text")
	}
	for i, row := range next.Steps {
		got := after.Steps[i]
		if got.Wait != row.Wait || got.Mail != row.Mail || got.Coupon != row.Coupon || got.Only != row.Only {
			return fmt.Errorf("the mail %s cannot be written like this: change the text", row.Mail)
		}
	}
	return nil
}

// commentsOf are the comments of a file, as YAML sees them or may see them.
func commentsOf(lines []string) (all []string) {
	for _, line := range lines {
		if i := strings.Index(" "+line, " #"); i >= 0 {
			all = append(all, line[i:])
		}
	}
	return all
}

// sameNode reports whether two values say the same.
func sameNode(a, b *node) bool {
	return a.form == b.form && a.text == b.text &&
		slices.EqualFunc(a.items, b.items, sameNode) &&
		slices.EqualFunc(a.pairs, b.pairs, func(x, y pair) bool { return x.key.text == y.key.text && sameNode(x.value, y.value) })
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
