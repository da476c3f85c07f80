package compose

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
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
