package webhook

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// value is a JSON value as it stands in a body: its texts are pieces of the body, and of
// its numbers what is written is kept. The zero value is null.
type value struct {
	kind  kind
	taken bool    // a field that was read
	name  string  // of a field
	text  string  // of a text or a number
	items []value // of a list; of an object its fields, each name once
}

type kind byte

const (
	null kind = iota
	text
	number
	yes
	no
	list
	object
)

// plain is the value as encoding/json has it.
func (v *value) plain() any {
	switch v.kind {
	case text:
		return v.text
	case number:
		return json.Number(v.text)
	case yes, no:
		return v.kind == yes
	case list:
		all := make([]any, len(v.items))
		for i := range v.items {
			all[i] = v.items[i].plain()
		}
		return all
	case object:
		all := make(map[string]any, len(v.items))
		for i := range v.items {
			all[v.items[i].name] = v.items[i].plain()
		}
		return all
	}
	return nil
}

// parse reads a body that is one JSON value, in one pass and with hardly any memory of its
// own. Of any other body it says that it is none: what is wrong, encoding/json says.
func parse(body []byte) (v value, ok bool) {
	p := parser{rest: string(body)}
	p.space()
	v, ok = p.value(0)
	p.space()
	return v, ok && p.rest == ""
}

type parser struct {
	rest  string
	stack []value // items of the lists and objects that are open
	room  []value // for items of those that are closed
}

// deepest is how deep encoding/json goes.
const deepest = 10_000

func (p *parser) space() {
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '\n' || p.rest[i] == '\t' || p.rest[i] == '\r') {
		i++
	}
	p.rest = p.rest[i:]
}

// next reads a sign, and the space before and after it.
func (p *parser) next(sign byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != sign {
		return false
	}
	p.rest = p.rest[1:]
	p.space()
	return true
}

func (p *parser) word(word string, kind kind) (v value, ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, word)
	return value{kind: kind}, ok
}

func (p *parser) value(depth int) (v value, ok bool) {
	if p.rest == "" {
		return v, false
	}
	switch p.rest[0] {
	case '"':
		v.kind = text
		v.text, ok = p.text()
		return v, ok
	case '{':
		v.kind = object
		v.items, ok = p.inside('{', '}', depth+1)
		return v, ok
	case '[':
		v.kind = list
		v.items, ok = p.inside('[', ']', depth+1)
		return v, ok
	case 't':
		return p.word("true", yes)
	case 'f':
		return p.word("false", no)
	case 'n':
		return p.word("null", null)
	}
	v.kind = number
	v.text, ok = p.number()
	return v, ok
}

// inside reads what is in a list, or in an object.
func (p *parser) inside(from, to byte, depth int) ([]value, bool) {
	if depth > deepest {
		return nil, false
	}
	p.next(from)
	first := len(p.stack)
	var names map[string]int // of an object of many fields: where each is
	for more := !p.next(to); more; {
		name := ""
		if from == '{' {
			var ok bool
			if name, ok = p.text(); !ok || !p.next(':') {
				return nil, false
			}
		}
		item, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		if item.name = name; from == '{' {
			names = p.field(item, first, names)
		} else {
			p.stack = append(p.stack, item)
		}
		if p.next(to) {
			break
		}
		if more = p.next(','); !more {
			return nil, false
		}
	}
	return p.keep(first), true
}

// fewFields are looked through, and of more it is noted where they are.
const fewFields = 16

// field puts a field on the stack. Of several of one name the last counts.
func (p *parser) field(item value, first int, names map[string]int) map[string]int {
	fields := p.stack[first:]
	if len(fields) < fewFields {
		for i := range fields {
			if fields[i].name == item.name {
				fields[i] = item
				return nil
			}
		}
		p.stack = append(p.stack, item)
		return nil
	}
	if names == nil {
		names = make(map[string]int, 4*fewFields)
		for i := range fields {
			names[fields[i].name] = i
		}
	}
	if i, there := names[item.name]; there {
		fields[i] = item
		return names
	}
	names[item.name] = len(fields)
	p.stack = append(p.stack, item)
	return names
}

// keep takes what is on the stack from an item on, and returns it.
func (p *parser) keep(first int) []value {
	items := p.stack[first:]
	if len(items) > cap(p.room)-len(p.room) {
		p.room = make([]value, 0, max(len(items), 256))
	}
	at := len(p.room)
	p.room = append(p.room, items...)
	clear(items)
	p.stack = p.stack[:first]
	return p.room[at:len(p.room):len(p.room)]
}

// text reads a text. Those with escapes, or with bytes that are no UTF-8, are encoding/json's.
func (p *parser) text() (string, bool) {
	if p.rest == "" || p.rest[0] != '"' {
		return "", false
	}
	plain := true
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			written := p.rest[:i+1]
			p.rest = p.rest[i+1:]
			if plain || !strings.Contains(written, `\`) && utf8.ValidString(written) {
				return written[1:i], true
			}
			var s string
			err := json.Unmarshal([]byte(written), &s)
			return s, err == nil
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", false
}

// number reads a number, and leaves it as it is written.
func (p *parser) number() (string, bool) {
	i, s := 0, p.rest
	digits := func() bool {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > from
	}
	is := func(signs string) bool {
		if i < len(s) && strings.IndexByte(signs, s[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	is("-")
	if !is("0") && !digits() {
		return "", false
	}
	if is(".") && !digits() {
		return "", false
	}
	if is("eE") {
		is("+-")
		if !digits() {
			return "", false
		}
	}
	p.rest = s[i:]
	return s[:i], true
}
