package program

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

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
