package templates

import "regexp"

// foreignMarks are the marks of other mail programs for a member's name and the
// like. Here they are plain text, which members would read.
var foreignMarks = []*regexp.Regexp{
	regexp.MustCompile(`(\*\|[A-Za-z0-9_:]+\|\*)`),
	regexp.MustCompile(`(\[\[\s*[A-Za-z_.]+\s*\]\])`),
	regexp.MustCompile(`(%%?[A-Za-z]*_?[A-Z]{3,}%%?)`),
	regexp.MustCompile(`(?:^|[^{])(\{\s*[A-Za-z_.]+\s*\})(?:[^}]|$)`),
}

// foreign warns of the marks of other mail programs.
func (s *source) foreign() (problems []Problem) {
	for _, mark := range foreignMarks {
		for _, at := range mark.FindAllStringSubmatchIndex(s.text, -1) {
			p := s.problem(at[2], "write {{ member.first_name | default \"friend\" }}, or what it stands for", "members would read %s as it stands", s.text[at[2]:at[3]])
			p.Warning = true
			problems = append(problems, p)
		}
	}
	return problems
}
