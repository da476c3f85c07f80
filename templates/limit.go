package templates

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// limited runs a template and stops it when it has written too much.
func limited(execute func(io.Writer, any) error, data any) (string, error) {
	var out strings.Builder
	err := execute(&brake{&out}, data)
	switch {
	case errors.Is(err, ErrTooLong):
		return "", ErrTooLong
	case err != nil:
		return "", errors.New(plainError(err))
	}
	return out.String(), nil
}

// brake is a writer that takes maxOutput bytes and no more.
type brake struct{ out *strings.Builder }

func (b *brake) Write(p []byte) (int, error) {
	if b.out.Len()+len(p) > maxOutput {
		return 0, ErrTooLong
	}
	return b.out.Write(p)
}

var (
	engineWords = regexp.MustCompile(`^(html/)?template: ?[a-z]*:?\d*:?\d*:? ?`)
	executing   = regexp.MustCompile(`executing "[^"]*" at <\$?\.?([^>]*)>: `)
	noEntry     = regexp.MustCompile(`map has no entry for key "([^"]*)"`)
)

// plainError puts an engine's error into the words of those who write mails.
func plainError(err error) string {
	s := engineWords.ReplaceAllString(err.Error(), "")
	what := executing.FindStringSubmatch(s)
	s = executing.ReplaceAllString(s, "")
	if missing := noEntry.FindStringSubmatch(s); missing != nil && what != nil {
		return fmt.Sprintf("there is no value for %s", what[1])
	}
	return s
}

// webmail cuts a mail longer than this and hides the footer with it.
const webmailLimit = 102_000

// tryOut renders the mail with sample values and with hardly any, so that what
// can only be seen then is said before a member sees it.
func (m *Mail) tryOut(s *source) []Problem {
	brand := Brand{Name: "Shop", Address: "Street 1, 00100 City", URL: "https://shop.example", Currency: "EUR"}
	full := m.Sample()
	r, err := m.render(full, brand)
	if err == nil {
		_, err = m.render(bare(full), brand)
	}
	switch {
	case errors.Is(err, ErrNoSubject):
		p := s.problem(s.keys["subject"].start, `{{ event.title | default "News" }}`, "the subject is empty when there is no value for it, and the mail is then not sent")
		p.Warning = true
		return []Problem{p}
	case err != nil:
		return []Problem{s.problem(s.body, "", "%s", err)}
	case len(r.HTML) > webmailLimit:
		p := s.problem(s.body, "make the mail shorter", "the mail has %d kB; from 102 kB on some mailboxes cut it and hide the footer", len(r.HTML)/1000)
		p.Warning = true
		return []Problem{p}
	}
	return nil
}

// bare keeps the roots and takes away their values, except the links.
func bare(full Data) Data {
	d := Data{}
	for root, v := range full {
		d[root] = map[string]any{}
		if root == "links" {
			d[root] = v
		}
	}
	return d
}
