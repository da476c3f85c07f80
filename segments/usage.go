package segments

import "strings"

func (e *entry) usage() string {
	forms := []string{e.written()}
	if e.filtered {
		forms = append(forms, e.name+`("…", property == "…")`)
	}
	if e.window && !e.spanned {
		forms = append(forms, e.withSpan())
	}
	return alternatives(forms)
}

// written returns the entry in its shortest form.
func (e *entry) written() string {
	if e.spanned {
		return e.withSpan()
	}
	return e.named()
}

// with returns the entry with what stands in its brackets, and these after it.
func (e *entry) with(more ...string) string {
	switch {
	case e.dated:
		more = append([]string{"field"}, more...)
	case e.what != "":
		more = append([]string{`"…"`}, more...)
	case e.count != "":
		more = append([]string{"10"}, more...)
	}
	return inBrackets(e.name, more)
}

// inBrackets is a name with its arguments, or alone.
func inBrackets(name string, args []string) string {
	if args == nil {
		return name
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// named returns the entry without a time span.
func (e *entry) named() string { return e.with() }

// withSpan returns the entry with a time span.
func (e *entry) withSpan() string {
	if e.ahead && !e.foretold() {
		return e.with(`"7d"`)
	}
	return e.with(`"90d"`)
}

// between returns the entry with a time span between two dates.
func (e *entry) between() string { return e.with(`"2027-01-01"`, `"2027-03-31"`) }

// example returns the entry in use, for messages.
func (e *entry) example() string {
	use := e.written()
	if e.dated {
		use = e.name + "(trial_ends)"
	}
	switch {
	case e.share():
		return use + " < 0.3"
	case e.foretold():
		return use + " >= 1"
	case e.count != "":
		return use + " == 3"
	case e.typ == Number:
		return use + " >= 3"
	case e.typ == Money:
		return use + " >= 50"
	case e.typ == Date:
		return use + ` < "2027-06-21"`
	case e.typ == List:
		return `"…" in ` + use
	case e.typ == Text, e.typ == Any:
		return use + ` == "…"`
	}
	return use
}

// yearly reports whether the entry is about what comes every year.
func (e *entry) yearly() bool { _, ok := e.in.(yearly); return ok }

// foretold reports whether the entry is what the forecast expects in a span.
func (e *entry) foretold() bool { _, ok := e.in.(expectation); return ok }

// share reports whether the entry lies between 0 and 1.
func (e *entry) share() bool { _, ok := e.in.(chance); return ok }
