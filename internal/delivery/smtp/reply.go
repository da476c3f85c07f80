package smtp

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"unicode/utf8"

	"regulars/internal/delivery"
)

// longestText is how much of the relay's words is kept.
const longestText = 500

var (
	enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}(\s+|$)`)
	mailAddress  = regexp.MustCompile(`<?[^\s<>"'(),;:]+@[^\s<>"'(),;:]*>?`)
)

// replies reads what a relay answers.
type replies struct {
	secret string // the password, kept out of what we quote
}

// refusal turns a reply, or the lack of one, into an outcome.
func (r replies) refusal(s delivery.Stage, err error) delivery.Outcome {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return delivery.Outcome{Stage: s, Err: fmt.Errorf("%s: %w", s, err)}
	}
	return r.answered(s, reply.Code, reply.Msg)
}

// answered is the outcome of a reply that ends the mail at a stage.
func (r replies) answered(s delivery.Stage, code int, words string) delivery.Outcome {
	enhanced, text := r.read(words)
	err := fmt.Errorf("%s: the relay answered %d %s %s", s, code, enhanced, text)
	return delivery.Outcome{Stage: s, Code: code, Enhanced: enhanced, Text: text, Err: err}
}

// read parts the enhanced code, which may stand in each line, from the words, and
// makes the words fit to be kept: one line of valid UTF-8 that names nobody.
func (r replies) read(words string) (enhanced, text string) {
	lines := strings.Split(words, "\n")
	for i, line := range lines {
		found := enhancedCode.FindString(line)
		if enhanced == "" {
			enhanced = strings.TrimSpace(found)
		}
		lines[i] = line[len(found):]
	}
	text = strings.ToValidUTF8(strings.Join(lines, " "), "\uFFFD")
	text = strings.Map(printable, text)
	if r.secret != "" {
		text = strings.ReplaceAll(text, r.secret, "(password)")
	}
	text = mailAddress.ReplaceAllString(text, "(address)")
	return enhanced, cutText(strings.TrimSpace(text))
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// cutText cuts to longestText bytes, between two characters.
func cutText(s string) string {
	if len(s) <= longestText {
		return s
	}
	n := longestText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func withheld(s delivery.Stage, err error) delivery.Outcome {
	return delivery.Outcome{Stage: s, Err: fmt.Errorf("%w: %w", delivery.ErrWithheld, err)}
}

// reason says in one line why the relay counts as away.
func reason(o delivery.Outcome) string {
	if o.Code != 0 {
		return fmt.Sprintf("%s: %d %s %s", o.Stage, o.Code, o.Enhanced, o.Text)
	}
	return o.Err.Error()
}

// refused is the outcome of an answer that is not a yes.
func (r replies) refused(s delivery.Stage, code int, words string, err error) delivery.Outcome {
	if err != nil {
		return r.refusal(s, err)
	}
	return r.answered(s, code, words)
}
