package program

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// key is one key of the program files: all that there is to know of it stands in
// its row of the format (format.go).
type key[T any] struct {
	name      string
	need      string                             // what to write where it is missing; "": it may be
	label     string                             // what plan calls it; "": its name
	early     bool                               // others are read by what it says
	file      string                             // it belongs to another file than people look for it in
	later     bool                               // belongs to the format, and this version does not do it
	read      func(r *loader, n *node, t *T)     // takes the value in, or reports what is wrong with it
	otherwise func(r *loader, t *T)              // what holds where the key is missing; nil: nothing
	show      func(t *T, currency string) string // the value as plan shows it, "" for none; nil: plan says it otherwise
	rows      []key[T]                           // of the group of keys that its value is
}

// keys are the keys of one part of the files.
type keys[T any] struct {
	name string // as a person would say it
	rows []key[T]
}

// at is a key whose value is of a kind and goes into a field.
func at[T, V any](name string, field func(*T) *V, as kind[V]) key[T] {
	return key[T]{name: name,
		read: func(r *loader, n *node, t *T) {
			if v, ok := as.read(r, n); ok {
				*field(t) = v
			}
		},
		show: func(t *T, currency string) string { return as.show(*field(t), currency) },
	}
}

// part is a key whose value is a group of keys.
func part[T any](ks keys[T]) key[T] {
	return key[T]{name: ks.name, rows: ks.rows, read: func(r *loader, n *node, t *T) { ks.fill(r, n, t) }}
}

// later are keys that this version does not do.
func later[T any](names ...string) (all []key[T]) {
	for _, name := range names {
		all = append(all, key[T]{name: name, later: true})
	}
	return all
}

// written are keys that stand in another file.
func written[T any](file string, names ...string) (all []key[T]) {
	for _, name := range names {
		all = append(all, key[T]{name: name, file: file})
	}
	return all
}

func (k key[T]) must(hint string) key[T]       { k.need = hint; return k }
func (k key[T]) as(label string) key[T]        { k.label = label; return k }
func (k key[T]) first() key[T]                 { k.early = true; return k }
func (k key[T]) or(f func(*loader, *T)) key[T] { k.otherwise = f; return k }

// names are those of the keys that this version reads.
func (ks keys[T]) names() (names []string) {
	for _, k := range ks.rows {
		if !k.later && k.file == "" {
			names = append(names, k.name)
		}
	}
	return names
}

// fill reads a mapping into t and returns it, for what is checked between its keys.
func (ks keys[T]) fill(r *loader, n *node, t *T) section {
	s := ks.open(r, n)
	ks.read(s, t)
	return s
}

// open checks that a value is a mapping with no keys but these: none is ever
// ignored. Anything else is reported and answers with no keys.
func (ks keys[T]) open(r *loader, n *node) section {
	if !r.isA(n, mapping, ks.name, "write {key: value, …}, or each key on an indented line of its own") {
		return section{r, nil}
	}
	known := ks.names()
	for _, kv := range n.pairs {
		name := kv.key.text
		switch i := slices.IndexFunc(ks.rows, func(k key[T]) bool { return k.name == name }); {
		case i < 0:
			r.errorAt(kv.key, fmt.Sprintf("%q is not a key of %s", name, ks.name), cmp.Or(elsewhere(name, known), suggest(name, known, "")))
		case ks.rows[i].file != "":
			r.errorAt(kv.key, fmt.Sprintf("%q is not a key of %s", name, ks.name), "write it in "+ks.rows[i].file)
		case ks.rows[i].later && ks.name == "join":
			r.notYet(kv.key, "join."+name)
		case ks.rows[i].later:
			r.notYet(kv.key, name)
		}
	}
	return section{r, n}
}

// isA checks that a value is a group of keys, or a list.
func (r *loader) isA(n *node, f form, what, hint string) bool {
	if n.form != f {
		r.errorAt(n, fmt.Sprintf("%s is %s, but here stands %s", what, f, n.form), hint)
	}
	return n.form == f
}

// read takes the values of an open mapping in, the early ones first.
func (ks keys[T]) read(s section, t *T) {
	for _, early := range []bool{true, false} {
		for _, k := range ks.rows {
			if k.early != early || k.later || k.file != "" || s.n == nil {
				continue
			}
			if k.need != "" && !s.has(k.name) && !s.misspelt(k.name) {
				s.r.errorAt(s.n, fmt.Sprintf("%q is missing", k.name), k.need)
			}
			if n := s.get(k.name); n != nil && k.read != nil {
				k.read(s.r, n, t)
			} else if n == nil && k.otherwise != nil {
				k.otherwise(s.r, t)
			}
		}
	}
}

// setting is one side of a thing as text, to compare two versions and to show.
type setting struct {
	name, text string
	path       []string // the keys that lead to it
}

// settings are all sides of a thing that plan compares.
func (ks keys[T]) settings(t *T, currency string) (all []setting) {
	for _, k := range ks.rows {
		if k.show != nil {
			all = append(all, setting{cmp.Or(k.label, k.name), k.show(t, currency), []string{k.name}})
		}
		for _, s := range (keys[T]{rows: k.rows}).settings(t, currency) {
			all = append(all, setting{s.name, s.text, append([]string{k.name}, s.path...)})
		}
	}
	return all
}

// Setting is one of program.yaml as people read it.
type Setting struct {
	Name, Says string
	Line       int // of the file, where it stands; 0: it is left to what is usual
}

// Settings are those of a program.yaml that the program has, also where the file leaves
// them to what is usual.
func (p *Program) Settings(files map[string]string) (all []Setting) {
	lines := strings.Split(files[shopFile], "\n")
	for _, s := range shopKeys().settings(p, p.Currency) {
		if s.text != "" {
			all = append(all, Setting{s.name, s.text, lineOf(lines, s.path)})
		}
	}
	return all
}

// lineOf is the line on which a setting stands, from 1: that of its own key, or of the
// group that holds it on one line. 0: nowhere.
func lineOf(lines []string, path []string) (n int) {
	for i, line := range lines {
		if n > 0 && line != "" && line[0] != ' ' && line[0] != '#' {
			return n // the next group begins
		}
		key := path[0]
		if n > 0 {
			line, key = strings.TrimSpace(line), path[len(path)-1]
		}
		if strings.HasPrefix(line, key+":") {
			n = i + 1
			if len(path) == 1 || strings.TrimSpace(strings.TrimPrefix(line, path[0]+":")) != "" {
				return n
			}
			if key == path[len(path)-1] && key != path[0] {
				return n
			}
		}
	}
	return n
}

// elsewhere says where in the format a key belongs that stands in the wrong place,
// beside those that belong there.
func elsewhere(name string, beside []string) string {
	if slices.ContainsFunc(startForms(), func(form keys[folder]) bool { return slices.Equal(form.names(), beside) }) && loyalty.Nearest(name, beside) == "" {
		var kinds []string
		for _, form := range startForms() {
			if names := form.names(); slices.Contains(names, name) && names[0] != name {
				kinds = append(kinds, names[0])
			}
		}
		if slices.Sort(kinds); len(kinds) > 0 {
			return fmt.Sprintf("this one has %s; %s goes with %s", inWords(beside), name, inWords(kinds))
		}
	}
	for _, place := range []struct {
		name string
		keys []string
	}{{"a campaign", campaignKeys().names()}, {"a step", stepKeys().names()}, {"a pool", poolKeys().names()}, {"program.yaml", shopKeys().names()}, {"loyalty.yaml", loyaltyKeys().names()}} {
		if slices.Contains(place.keys, name) {
			return "it belongs to " + place.name
		}
	}
	return ""
}

// suggest returns a hint: the nearest of the names, or else what the caller knows,
// or else all of them.
func suggest(name string, names []string, otherwise string) string {
	if near := loyalty.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if otherwise != "" || len(names) == 0 {
		return otherwise
	}
	return "it has " + inWords(names)
}

// inWords lists names: a, b and c.
func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// section is an open mapping.
type section struct {
	r *loader
	n *node // nil: there was no mapping
}

// pairs returns all keys that stand there with a value.
func (s section) pairs() []pair {
	return slices.DeleteFunc(slices.Clone(s.n.pairs), func(kv pair) bool { return !s.full(kv) })
}

// full reports whether a key has a value, and reports one that has none: mostly YAML
// took it for a comment.
func (s section) full(kv pair) bool {
	if kv.value.form != nothing {
		return true
	}
	hint := "give it one, or delete the line"
	if strings.Contains(kv.key.src.rest(kv.key.line, kv.key.col), " #") {
		hint = "in YAML everything after a blank and # is a comment: put the value in quotes"
	}
	s.r.errorAt(kv.key, fmt.Sprintf("%q has no value", kv.key.text), hint)
	return false
}

// pair is the key of a name with its value; nil, nil where it does not stand.
func (s section) pair(name string) (found pair) {
	if s.n != nil {
		if i := slices.IndexFunc(s.n.pairs, func(kv pair) bool { return kv.key.text == name }); i >= 0 {
			return s.n.pairs[i]
		}
	}
	return pair{}
}

// get returns the value of a key, nil when the key is not there or has none, which
// is reported.
func (s section) get(name string) *node {
	if kv := s.pair(name); kv.key != nil && s.full(kv) {
		return kv.value
	}
	return nil
}

// key returns the place of a key's name, nil when it is not there.
func (s section) key(name string) *node { return s.pair(name).key }

// has reports whether the key stands there, with a value or without.
func (s section) has(name string) bool { return s.key(name) != nil }

// misspelt reports whether a key stands there that was said to be this one with a slip.
func (s section) misspelt(name string) bool {
	return slices.ContainsFunc(s.n.pairs, func(kv pair) bool {
		return loyalty.Nearest(kv.key.text, []string{name}) != "" && elsewhere(kv.key.text, nil) == ""
	})
}

// Unknown says that there is no thing of a name, and which was probably meant or
// else which there are.
func Unknown(thing, name string, names []string) string {
	text := fmt.Sprintf("there is no %s %q", thing, name)
	switch near := loyalty.Nearest(name, names); {
	case near != "":
		return fmt.Sprintf("%s; did you mean %q?", text, near)
	case len(names) == 0 || len(names) > 30:
		return text
	}
	return text + "; there are " + inWords(names)
}

// NoCampaign says that a program has no campaign of a name.
func NoCampaign(p *Program, name string) string {
	names := slices.DeleteFunc(p.Scope().Campaigns, func(name string) bool { return name == ConfirmCampaign })
	return Unknown("campaign", name, names)
}
