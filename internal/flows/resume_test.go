package flows

import (
	"strings"
	"testing"
	"time"

	"regulars/internal/program"
)

// flow writes steps as letters: a small one is a mail, | a wait, and what stands
// in brackets a choice.
func flow(text string) (steps []program.Step) {
	var choice *program.Step
	for _, r := range text {
		switch {
		case r == '|':
			steps = append(steps, program.Step{Name: "wait", Wait: &program.Wait{Duration: time.Hour}})
		case r == '(':
			choice = &program.Step{Name: "choose"}
		case r == ')':
			steps, choice = append(steps, *choice), nil
		case choice != nil:
			choice.Choose = append(choice.Choose, program.Step{Name: string(r), Mail: string(r)})
		default:
			steps = append(steps, program.Step{Name: string(r), Mail: string(r)})
		}
	}
	return steps
}

func TestAPassageResumesAfterTheLastStepThatItPassed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, passed, left, next, rest string
	}{
		{"nothing has changed", "a|", "b|c", "a|b|c", "b|c"},
		{"at the very start", "", "a|b", "x a", "xa"},
		{"a mail is put in after the last one", "a|", "b", "ax|b", "x|b"},
		{"a wait is put in before", "a|", "b", "|a|b", "b"},
		{"two waits in a row of which one is passed", "a|", "|b", "a||b", "|b"},
		{"a second wait is put in", "a|", "b", "a||b", "|b"},
		{"the wait is gone", "a|", "b", "ab", "b"},
		{"the mail is gone, its wait stays", "a|b|", "c", "a|c", "c"},
		{"all that was passed is gone", "a|b", "c", "xc", "xc"},
		{"the end stays the end", "a|b", "", "a|b", ""},
		{"a mail is put in at the end", "a|b", "", "a|bc", "c"},
		{"a choice is known by any of its mails", "(ab)|", "c", "(bx)|c", "c"},
		{"a mail that became a choice", "a|", "c", "(ax)|c", "c"},
		{"two mails change places", "a", "b", "ba", ""},
	}
	for _, tt := range cases {
		old, next := flow(tt.passed+tt.left), flow(strings.ReplaceAll(tt.next, " ", ""))
		at := resume(old, next, len(flow(tt.passed)))
		var rest strings.Builder
		for _, s := range next[at:] {
			switch {
			case s.Wait != nil:
				rest.WriteByte('|')
			default:
				rest.WriteString(strings.Join(mailsOf(s), ""))
			}
		}
		if rest.String() != tt.rest {
			t.Errorf("%s: resume(%s after %s, %s) leaves %q, want %q", tt.name, tt.passed+tt.left, tt.passed, tt.next, rest.String(), tt.rest)
		}
	}
}
