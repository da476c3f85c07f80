package store

// missing is ErrNotFound in words for a person.
type missing struct{ text string }

func (m missing) Error() string { return m.text }
func (m missing) Unwrap() error { return ErrNotFound }

// Missing returns ErrNotFound in words for a person: what is not there, and what
// is.
func Missing(text string) error { return missing{text} }
