package compose

import "bytes"

// quotedWidth is how much of a line of quoted-printable is text: the 76th byte is
// the = that says that it goes on.
const quotedWidth = 75

// appendLines breaks a body whose bytes are escaped into lines of quoted-printable,
// each as full as can be: what mime/quotedprintable makes of the body. A space or tab
// at the end of a line is escaped there, since relays may drop it.
func appendLines(out, body []byte) []byte {
	for {
		end := bytes.IndexByte(body, '\n')
		if end < 0 {
			return appendLine(out, body)
		}
		out = append(appendLine(out, body[:end]), "\r\n"...)
		body = body[end+1:]
	}
}

// appendLine writes what stood on one line.
func appendLine(out, line []byte) []byte {
	tail := ""
	if last := len(line) - 1; last >= 0 {
		switch line[last] {
		case ' ':
			line, tail = line[:last], "=20"
		case '\t':
			line, tail = line[:last], "=09"
		}
	}
	for len(line) > quotedWidth {
		n := quotedWidth
		switch { // an escaped byte stays whole
		case line[n-1] == '=':
			n--
		case line[n-2] == '=':
			n -= 2
		}
		out = append(append(out, line[:n]...), "=\r\n"...)
		line = line[n:]
	}
	out = append(out, line...)
	if tail != "" && len(line)+len(tail) > quotedWidth {
		out = append(out, "=\r\n"...)
	}
	return append(out, tail...)
}
