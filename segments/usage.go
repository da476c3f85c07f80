package segments

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

// named returns the entry without a time span.
func (e *entry) named() string {
	switch {
	case e.dated:
		return e.name + "(field)"
	case e.what != "":
		return e.name + `("…")`
	case e.count != "":
		return e.name + "(10)"
	}
	return e.name
}

// withSpan returns the entry with a time span.
func (e *entry) withSpan() string {
	span := `"90d"`
	if e.ahead && !e.foretold() {
		span = `"7d"`
	}
	if e.what != "" {
		return e.name + `("…", ` + span + `)`
	}
	return e.name + "(" + span + ")"
}

// between returns the entry with a time span between two dates.
func (e *entry) between() string {
	if e.what != "" {
		return e.name + `("…", "2027-01-01", "2027-03-31")`
	}
	return e.name + `("2027-01-01", "2027-03-31")`
}

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
