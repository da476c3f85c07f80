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

// refusal turns a reply, or the lack of one, into an outcome.
func (c *conn) refusal(s delivery.Stage, err error) delivery.Outcome {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return delivery.Outcome{Stage: s, Err: fmt.Errorf("%s: %w", s, err)}
	}
	return c.answered(s, reply.Code, reply.Msg)
}

// answered is the outcome of a reply that ends the mail at a stage.
func (c *conn) answered(s delivery.Stage, code int, words string) delivery.Outcome {
	enhanced, text := c.read(words)
	err := fmt.Errorf("%s: the relay answered %d %s %s", s, code, enhanced, text)
	return delivery.Outcome{Stage: s, Code: code, Enhanced: enhanced, Text: text, Err: err}
}

// read parts the enhanced code, which may stand in each line, from the words, and
// makes the words fit to be kept: one line of valid UTF-8 that names nobody.
func (c *conn) read(words string) (enhanced, text string) {
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
	if c.secret != "" {
		text = strings.ReplaceAll(text, c.secret, "(password)")
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
