package templates

import (
	"fmt"
	"slices"
	"strings"
)

// source is a mail file taken apart: what stands in front, and the body with
// where it begins.
type source struct {
	file string
	text string // the whole file, \n line ends
	keys map[string]span
	body int // offset of the body in text
}

// span is a piece of the file.
type span struct {
	start int
	text  string
}

// problem makes a Problem at a byte offset of the file.
func (s *source) problem(at int, try, format string, args ...any) Problem {
	at = min(max(at, 0), len(s.text))
	if strings.HasPrefix(try, "{{") || strings.HasPrefix(try, "<") || strings.HasPrefix(try, "&") || strings.HasPrefix(try, "https://") {
		try = "write " + try
	}
	before := s.text[:at]
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return Problem{File: s.file, Line: line, Column: column, Text: fmt.Sprintf(format, args...), Try: try}
}

// readSource splits front matter from the body. Front matter is not YAML: each
// line is "key: the rest of the line", taken as it stands.
func readSource(file, text string) (*source, []Problem) {
	s := &source{file: file, text: text, keys: map[string]span{}}
	if !strings.HasPrefix(text, "---\n") {
		return s, []Problem{s.problem(0, "begin with a line ---, then subject: …, then a line ---", "the front matter is missing")}
	}
	var problems []Problem
	for at := len("---\n"); at < len(text); {
		line, _, _ := strings.Cut(text[at:], "\n")
		next := at + len(line) + 1
		if strings.TrimRight(line, " \t") == "---" {
			s.body = min(next, len(text))
			if s.keys["subject"].text == "" {
				problems = append(problems, s.problem(0, "write a line subject: Your code is here", "the subject is missing"))
			}
			return s, problems
		}
		if p, bad := s.frontLine(at, line); bad {
			problems = append(problems, p)
		}
		at = next
	}
	return s, append(problems, s.problem(0, "end it with a line ---", "the front matter never ends"))
}

func (s *source) frontLine(at int, line string) (Problem, bool) {
	if strings.TrimSpace(line) == "" {
		return Problem{}, false
	}
	key, value, ok := strings.Cut(line, ":")
	key = strings.TrimSpace(key)
	if !ok {
		return s.problem(at, "write it like subject: Your code is here", "this line of the front matter is not \"key: value\""), true
	}
	if !slices.Contains(frontKeys(), key) {
		return s.problem(at, meant(nearest(key, frontKeys())), "there is no key %q: there are %s", key, strings.Join(frontKeys(), ", ")), true
	}
	if _, twice := s.keys[key]; twice {
		return s.problem(at, "", "%s stands here a second time", key), true
	}
	trimmed := strings.TrimLeft(value, " \t")
	s.keys[key] = span{start: at + len(line) - len(trimmed), text: strings.TrimRight(trimmed, " \t")}
	return Problem{}, false
}

func frontKeys() []string { return []string{"subject", "preheader", "from_name"} }
