package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// readJSON returns the value of a body as encoding/json does, with numbers as written. What
// is plainly JSON, as nearly all is, is read in a third of its time, without a copy of each
// text; all else is left to it, and its are the words about what is wrong.
func readJSON(body []byte) (any, error) {
	p := plainJSON{text: string(body)}
	if value, ok := p.value(); ok && p.next() == 0 && p.at == len(p.text) {
		return value, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the body goes on after the JSON value: send several events as an array")
	}
	return value, nil
}

// plainJSON reads values one after the other, and gives up on what it is not sure of.
type plainJSON struct {
	text string
	at   int
	deep int
}

// deepest is how far values that it reads may be nested.
const deepest = 100

// next returns the next character that is no white space, and stays before it; 0 at the end.
func (p *plainJSON) next() byte {
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

func (p *plainJSON) value() (value any, ok bool) {
	switch c := p.next(); {
	case c == '"':
		return p.string()
	case c == '{' && p.deep < deepest:
		return p.object()
	case c == '[' && p.deep < deepest:
		return p.array()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	}
	return p.number()
}

func (p *plainJSON) word(word string) bool {
	end := min(len(p.text), p.at+len(word))
	is := p.text[p.at:end] == word
	p.at = end
	return is
}

// ends reads what comes after an entry, a comma or the closing bracket, and reports whether
// it is this.
func (p *plainJSON) ends(bracket byte) (end, ok bool) {
	c := p.next()
	p.at++
	return c == bracket, c == bracket || c == ','
}

func (p *plainJSON) object() (value any, ok bool) {
	all := map[string]any{}
	p.at++
	if p.next() == '}' {
		p.at++
		return all, true
	}
	p.deep++
	defer func() { p.deep-- }()
	for end := false; !end; {
		if p.next() != '"' {
			return nil, false
		}
		name, ok := p.string()
		if !ok || p.next() != ':' {
			return nil, false
		}
		p.at++
		if all[name], ok = p.value(); !ok {
			return nil, false
		}
		if end, ok = p.ends('}'); !ok {
			return nil, false
		}
	}
	return all, true
}

func (p *plainJSON) array() (value any, ok bool) {
	all := []any{}
	p.at++
	if p.next() == ']' {
		p.at++
		return all, true
	}
	p.deep++
	defer func() { p.deep-- }()
	for end := false; !end; {
		one, ok := p.value()
		if !ok {
			return nil, false
		}
		all = append(all, one)
		if end, ok = p.ends(']'); !ok {
			return nil, false
		}
	}
	return all, true
}

// string reads a text from its first quote on.
func (p *plainJSON) string() (text string, ok bool) {
	begin, plain := p.at, true
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if text = p.text[begin+1 : p.at-1]; plain {
				return text, true
			}
			err := json.Unmarshal([]byte(p.text[begin:p.at]), &text)
			return text, err == nil
		case c == '\\':
			plain = false
			p.at++
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(p.text[p.at:])
			if r == utf8.RuneError {
				return "", false
			}
			p.at += size - 1
		}
	}
	return "", false
}

// number reads digits with a sign, decimals and an exponent, none of which begins with a
// zero that says nothing.
func (p *plainJSON) number() (value any, ok bool) {
	begin := p.at
	p.skip('-')
	if whole := p.digits(); whole == "" || len(whole) > 1 && whole[0] == '0' {
		return nil, false
	}
	if p.skip('.') && p.digits() == "" {
		return nil, false
	}
	if p.skip('e') || p.skip('E') {
		if !p.skip('+') {
			p.skip('-')
		}
		if p.digits() == "" {
			return nil, false
		}
	}
	return json.Number(p.text[begin:p.at]), true
}

func (p *plainJSON) skip(c byte) bool {
	is := p.at < len(p.text) && p.text[p.at] == c
	if is {
		p.at++
	}
	return is
}

func (p *plainJSON) digits() string {
	begin := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.text[begin:p.at]
}
