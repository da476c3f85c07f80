package compose

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// MessageID returns the id of a send's mail, without < and >. The same key and
// send always give the same id: a second copy can be recognised by it.
func MessageID(key []byte, send int64, domain string) string {
	return mark(key, "message-id", "send", ".", send) + "@" + domain
}

// ReturnPath returns the envelope sender of a send's mail (VERP): bounces come
// back to an address that names the send, and that nobody else can make up.
// Mail servers deliver what stands behind the + to the mailbox in front of it.
func ReturnPath(key []byte, send int64, domain string) string {
	return mark(key, "return-path", "bounces", "+", send) + "@" + domain
}

func mark(key []byte, purpose, word, sign string, send int64) string {
	n := strconv.FormatInt(send, 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + ":" + n))
	return word + sign + n + "." + hex.EncodeToString(mac.Sum(nil)[:10])
}

// Marked reads a Message-ID or a return address that one of the keys made, as it is
// whatever stands behind the @, and returns the send. Mail servers may have changed
// the case.
func Marked(keys [][]byte, mark string) (send int64, ours bool) {
	mark, _, _ = strings.Cut(strings.ToLower(mark), "@")
	for _, m := range []struct{ purpose, word, sign string }{{"message-id", "send", "."}, {"return-path", "bounces", "+"}} {
		if id, ok := marked(keys, mark, m.purpose, m.word, m.sign); ok {
			return id, true
		}
	}
	return 0, false
}

// OptOut returns the address to which a mail that unsubscribes goes: whoever has the
// send's mail has it, and nobody else.
func OptOut(key []byte, send int64, domain string) string {
	return mark(key, "opt-out", "unsubscribe", "+", send) + "@" + domain
}

// OptsOut reads such an address.
func OptsOut(keys [][]byte, to string) (send int64, ours bool) {
	to, _, _ = strings.Cut(strings.ToLower(to), "@")
	return marked(keys, to, "opt-out", "unsubscribe", "+")
}

func marked(keys [][]byte, text, purpose, word, sign string) (send int64, ours bool) {
	rest, ok := strings.CutPrefix(text, word+sign)
	if !ok || len(rest) > 50 {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, ".")
	send, err := strconv.ParseInt(number, 10, 64)
	if err != nil || send <= 0 {
		return 0, false
	}
	for _, key := range keys {
		if hmac.Equal([]byte(mark(key, purpose, word, sign, send)), []byte(text)) {
			return send, true
		}
	}
	return 0, false
}
