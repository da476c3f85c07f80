package templates

import "strings"

// Start is the text of a mail that nobody has written yet, to begin with: a greeting, a
// text, a link, and the code if the mail has one. Who sends it and the way to leave stand
// below every mail. check passes on it as it stands.
func Start(coupon bool) string {
	code := ""
	if coupon {
		code = "{{ coupon.code }}\n\n"
	}
	return strings.Replace(start, "CODE", code, 1)
}

const start = `---
subject: News from {{ shop.name }}
preheader: One sentence that makes people open it.
---
# Hello{{ if member.first_name }} {{ member.first_name }}{{ end }}

Write here what it is about, in a few sentences.

CODE[Have a look]({{ shop.url }})

*Everybody at {{ shop.name }}*
`
