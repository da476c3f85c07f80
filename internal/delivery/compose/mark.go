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

// SendOfReturnPath returns the send that an envelope sender names. ok is false for
// an address that none of the keys made; the first key is the present one.
func SendOfReturnPath(keys [][]byte, address string) (send int64, ok bool) {
	return read(keys, "return-path", "bounces", "+", address)
}

// SendOfMessageID returns the send that a message id names, with or without < and >.
func SendOfMessageID(keys [][]byte, id string) (send int64, ok bool) {
	return read(keys, "message-id", "send", ".", strings.Trim(id, "<> "))
}

func mark(key []byte, purpose, word, sign string, send int64) string {
	n := strconv.FormatInt(send, 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + ":" + n))
	return word + sign + n + "." + hex.EncodeToString(mac.Sum(nil)[:10])
}

func read(keys [][]byte, purpose, word, sign, s string) (int64, bool) {
	local, _, _ := strings.Cut(strings.ToLower(s), "@")
	rest, ours := strings.CutPrefix(local, word+sign)
	n, _, _ := strings.Cut(rest, ".")
	send, err := strconv.ParseInt(n, 10, 64)
	if !ours || err != nil {
		return 0, false
	}
	for _, key := range keys {
		if hmac.Equal([]byte(local), []byte(mark(key, purpose, word, sign, send))) {
			return send, true
		}
	}
	return 0, false
}
