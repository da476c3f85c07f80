package campaign

import "io"

// Random sets where the codes of a book come from.
func (b *Book) Random(r io.Reader) { b.random = r }
