package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"net/url"
	"strings"
	"sync"
)

// Links makes and reads the signed links in mails. A link holds a version, the
// id of the key, the member, the send, a piece of the address's key and a MAC: no
// personal data, no expiry. The piece tells whether the member still has the
// address that the link went to.
type Links struct {
	base string
	keys [][]byte
	id   byte      // of the first key
	macs sync.Pool // of hash.Hash with the first key: making one costs more than using it
}

// NewLinks returns links under base (https://mail.shop.example), signed with the
// first key and read with any of them, which is how a key is rotated.
func NewLinks(base string, keys [][]byte) *Links {
	l := &Links{base: strings.TrimSuffix(base, "/"), keys: keys}
	if len(keys) > 0 {
		l.id = keyID(keys[0])
		l.macs.New = func() any { return hmac.New(sha256.New, keys[0]) }
	}
	return l
}

// Base is what the addresses of all pages and hooks begin with, as the world knows us.
func (l *Links) Base() string { return l.base }

// Origin is that of the base: the scheme and host from which a browser says that
// our own pages' forms come. "" when the base has none.
func (l *Links) Origin() string {
	u, err := url.Parse(l.base)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	host, port := strings.ToLower(u.Host), u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" { // browsers leave it out
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// Kind is what a link is good for. A token of one kind is worthless as another.
type Kind string

// The kinds of links, by the path that they stand under.
const (
	KindUnsubscribe Kind = "u"
	KindConfirm     Kind = "confirm"
	KindPage        Kind = "m"
	KindClick       Kind = "c"
	KindOpen        Kind = "o"
)

// Claims is what a link says. The member decides; the send is for attribution,
// and only where it is a send to that member, for ids repeat after a restore.
type Claims struct {
	Member int64
	Send   int64 // 0: none

	Address string // the beginning of the key of the address that the link went to; "": the link is older, or of no mail
}

// ClaimsOf is what a link says that goes to the address of that key.
func ClaimsOf(member, send int64, emailKey []byte) Claims {
	return Claims{member, send, addressOf(emailKey)}
}

// WentTo reports whether the link went to the address of that key, or does not say.
func (c Claims) WentTo(emailKey []byte) bool {
	return c.Address == "" || c.Address == addressOf(emailKey)
}

// addressOf is what a link keeps of an address: enough to tell two of one member.
func addressOf(emailKey []byte) string { return string(emailKey[:min(len(emailKey), 4)]) }

// ErrToken says that a token is not one of ours.
var ErrToken = errors.New("this link is not valid")

const (
	plainToken = 1  // version: member and send
	tokenTo    = 2  // … and the address
	macLength  = 16 // bytes: no link can be guessed, and the header line stays short
)

// Unsubscribe returns the link to unsubscribe and to the preferences.
func (l *Links) Unsubscribe(member, send int64, emailKey []byte) string {
	return l.link(KindUnsubscribe, Claims{member, send, addressOf(emailKey)})
}

// Confirm returns the link of a double opt-in.
func (l *Links) Confirm(member, send int64, emailKey []byte) string {
	return l.link(KindConfirm, Claims{member, send, addressOf(emailKey)})
}

// Page returns the link to the member's own page.
func (l *Links) Page(member, send int64, emailKey []byte) string {
	return l.link(KindPage, Claims{member, send, addressOf(emailKey)})
}

// Pictures is the address that the program's own pictures are below. They are the same for
// everybody, and say nothing of who looks.
func (l *Links) Pictures() string { return l.base + "/pictures" }

// Join is where friends join whom somebody brings who has a referral code. It says
// nothing but the code, and is not signed: whoever has the code may say it.
func (l *Links) Join(code string) string { return l.base + "/join?ref=" + url.QueryEscape(code) }

// Click returns the link that notes a click and leads on to a web address, which
// is signed with it: it leads nowhere else.
func (l *Links) Click(member, send int64, to string) string {
	return l.base + "/" + string(KindClick) + "/" + l.token(KindClick, Claims{Member: member, Send: send}, to) + "?to=" + url.QueryEscape(to)
}

// Open returns the address of the picture that notes that a mail was opened.
func (l *Links) Open(member, send int64) string {
	return l.link(KindOpen, Claims{Member: member, Send: send}) + ".gif"
}

func (l *Links) link(kind Kind, c Claims) string {
	return l.base + "/" + string(kind) + "/" + l.Token(kind, c)
}

// Token returns the signed part of a link.
func (l *Links) Token(kind Kind, c Claims) string { return l.token(kind, c, "") }

// token signs to with the claims, though it is not part of the token.
func (l *Links) token(kind Kind, c Claims, to string) string {
	b := append(make([]byte, 0, 64), plainToken, l.id)
	if c.Address != "" {
		b[0] = tokenTo
	}
	b = binary.AppendUvarint(b, uint64(c.Member))
	b = binary.AppendUvarint(b, uint64(c.Send))
	b = append(b, c.Address...)
	mac := l.macs.Get().(hash.Hash)
	defer l.macs.Put(mac)
	return base64.RawURLEncoding.EncodeToString(sign(b, mac, kind, b, to))
}

// Parse reads the token of a link of that kind; ErrToken if it is not ours.
func (l *Links) Parse(kind Kind, token string) (Claims, error) { return l.parse(kind, token, "") }

// ParseClick reads the token of a Click that leads on to an address.
func (l *Links) ParseClick(token, to string) (Claims, error) { return l.parse(KindClick, token, to) }

func (l *Links) parse(kind Kind, token, to string) (Claims, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < 4+macLength || b[0] != plainToken && b[0] != tokenTo {
		return Claims{}, ErrToken
	}
	body, mac := b[:len(b)-macLength], b[len(b)-macLength:]
	if !l.signed(kind, body, to, mac) {
		return Claims{}, ErrToken
	}
	member, n := binary.Uvarint(body[2:])
	if n <= 0 {
		return Claims{}, ErrToken
	}
	send, m := binary.Uvarint(body[2+n:])
	if m <= 0 {
		return Claims{}, ErrToken
	}
	address := string(body[2+n+m:])
	if (b[0] == plainToken) != (address == "") {
		return Claims{}, ErrToken
	}
	return Claims{int64(member), int64(send), address}, nil
}

// signed compares in constant time. Two keys may share an id: all that do are tried.
func (l *Links) signed(kind Kind, body []byte, to string, mac []byte) bool {
	for _, key := range l.keys {
		if keyID(key) == body[1] && hmac.Equal(mac, sign(nil, hmac.New(sha256.New, key), kind, body, to)) {
			return true
		}
	}
	return false
}

// keyID is a byte of the key's hash, so that it does not depend on its place in
// the list of keys.
func keyID(key []byte) byte {
	sum := sha256.Sum256(key)
	return sum[0]
}

// sign puts the MAC of body and to behind out. It needs no mark between the two: the
// body says by itself where it ends.
func sign(out []byte, mac hash.Hash, kind Kind, body []byte, to string) []byte {
	mac.Reset()
	mac.Write([]byte("regulars link "))
	mac.Write([]byte(kind))
	mac.Write([]byte{0})
	mac.Write(body)
	mac.Write([]byte(to))
	return mac.Sum(out)[:len(out)+macLength]
}
