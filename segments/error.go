package segments

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"regulars/internal/loyalty"
)

// Error is what is wrong with a rule, in a marketer's words.
type Error struct {
	Offset  int      // bytes from the start of the rule
	Line    int      // from 1
	Column  int      // in characters of its line, from 1
	Message string   // what is wrong and what would be right, without the position
	Near    []string // names that may have been meant, nearest first

	strange bool // a word stands there that is like no field
}

// Error returns the position and the message.
func (e *Error) Error() string {
	if e.Line > 1 {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("column %d: %s", e.Column, e.Message)
}

// fail returns an error at a byte offset; Parse adds line and column.
func fail(pos int, format string, args ...any) *Error {
	return &Error{Offset: pos, Message: fmt.Sprintf(format, args...)}
}

// caught runs a part of the reading of a rule. What is wrong with one is found deep
// inside, where nobody could go on: it is a panic with the *Error, which ends here.
func caught[T any](read func() T) (made T, err *Error) {
	defer func() {
		switch wrong := recover().(type) {
		case nil:
		case *Error:
			err = wrong
		default:
			panic(wrong)
		}
	}()
	return read(), nil
}

// listed is how many names a message lists at most; of more, the commands tell.
const listed = 30

// unknown returns an error about a name that is not one of those known, with the
// nearest ones.
func unknown(pos int, what, name string, known []string) *Error {
	e := fail(pos, "there is no %s called %s", what, name)
	e.Near = loyalty.Near(name, known)
	if len(e.Near) > 0 {
		e.Message += "; did you mean " + alternatives(e.Near) + "?"
	} else if what != "topic" && what != "segment" && len(known) > 0 && len(known) <= listed { // of those our callers tell
		e.Message += "; there are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
	}
	return e
}

func (e *Error) locate(text string) *Error {
	e.Offset = min(e.Offset, len(text))
	before := text[:e.Offset]
	line := strings.LastIndexByte(before, '\n') + 1
	e.Line = strings.Count(before, "\n") + 1
	e.Column = utf8.RuneCountInString(before[line:]) + 1
	return e
}

// FormatError prints the line of the rule with a caret under the place, and the
// message below it. Of a long line it shows what stands around the place. An
// error that is not an *Error is printed as it is.
func FormatError(text string, err error) string {
	var e *Error
	if !errors.As(err, &e) || e.Line < 1 {
		return err.Error()
	}
	clean := func(c rune) rune { // what would do something to a terminal is a space
		if unicode.IsControl(c) && c != '\t' {
			return ' '
		}
		return c
	}
	const before, after = 60, 40
	lines := strings.Split(text, "\n")
	line := []rune(strings.Map(clean, lines[min(e.Line, len(lines))-1]))
	at := min(e.Column-1, len(line))
	if len(line) > at+after {
		line = append(line[:at+after], '…')
	}
	if at > before {
		line, at = append([]rune("…"), line[at-before:]...), before+1
	}
	whole, indent := string(line), line[:at]
	for i, c := range indent {
		if c != '\t' { // a tab stays, so that the caret stands where the eye looks
			indent[i] = ' '
		}
	}
	return fmt.Sprintf("%s\n%s^\n%s", whole, string(indent), e.Error())
}

// alternatives joins words with commas and a last "or".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
