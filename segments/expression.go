package segments

// Expression is a field of the catalogue by itself, as a report sorts members by
// it, not compared with anything. It is immutable.
type Expression struct{ call *call }

// ParseField reads a field, with its text and its time span where it takes them.
// The error is always an *Error.
func ParseField(text string, s Scope) (*Expression, error) {
	syntax, err := parse(text)
	if err != nil {
		return nil, err.locate(text)
	}
	if syntax.form != formName {
		return nil, fail(syntax.pos, "the name of a field stands here, like %s", "lifecycle").locate(text)
	}
	call, err := newChecker(s).call(syntax)
	switch {
	case err != nil:
		return nil, err.locate(text)
	case call.typ == Bool || call.typ == List || call.typ == Any:
		return nil, fail(syntax.pos, "%s is %s, which does not sort members", call.name, call.typ.a()).locate(text)
	}
	return &Expression{call}, nil
}

// Known is the rule that the field has a value: it needs the same norms.
func (e *Expression) Known() *Rule { return &Rule{"known(" + e.call.name + ")", hasValue{e.call}, 1} }

// SQL returns the field as an SQL expression over the alias f, null where a member
// has no value, and the values of its parameters.
func (e *Expression) SQL(q Query) (expr string, args map[string]any) {
	b := newBuilder(q)
	return e.call.in.scalar(b, e.call), b.args
}
