// Package templates is the library of ready-made campaigns, one folder each,
// and the renderer that turns a mail file into what a member reads.
//
// A mail is a file of front matter (subject, preheader, from_name; each line "key:
// the rest of the line") and Markdown, or the inside of an HTML page, with actions
// in double braces: {{ member.first_name | default "friend" }}, {{ if coupon }}…
// {{ else }}…{{ end }}, {{ range order.lines }}…{{ end }}. In Markdown a link alone
// in a paragraph is a button, and {{ coupon.code }} alone in one is the coupon box.
//
// ParseMail checks a file once and says what is wrong with line, column and what
// would be right; Render then makes subject, HTML and text of it for one member.
// For many members there is Compile: what is the same for all of them is worked out
// once, and Fill makes of it, to the byte, what Render would.
// It promises that what a member or a shop typed is shown as it is and never
// becomes Markdown, HTML or a header, that only the listed functions and fields
// can be reached, that size, nesting and output are limited, and that the footer
// with the postal address and the way out is in both parts. Addressing and MIME
// are left to delivery/compose, loading a program directory to program.
package templates
