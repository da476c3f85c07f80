// Package dkim signs mails on their way to the relay (RFC 6376, RFC 8463), where the
// relay does not do so itself: relaxed/relaxed, with an RSA or Ed25519 key, or with one
// of each for receivers that read only one of them (RFC 8463, section 3).
//
// It promises that the fields that DMARC and RFC 8058 ask for stand under the
// signature, and that nobody can add a second one of them. Which key and domain are
// right, and whether their record is published, it leaves to whoever sets them.
package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"regulars/internal/delivery"
)

// signedFields are the fields that are signed, also where there is none: a field that
// somebody adds then breaks the signature.
var signedFields = []string{
	"from", "reply-to", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
	"list-unsubscribe", "list-unsubscribe-post", "list-id", "auto-submitted", "feedback-id",
}

// Signer signs mails for one domain, once with each of its keys. It is safe for
// concurrent use.
type Signer struct {
	domain string
	keys   []signingKey
	pages  sync.Pool
}

// signingKey is a key with the name that its public half is published under.
type signingKey struct {
	selector  string
	algorithm string
	key       crypto.Signer
	record    string // what is published of it
}

// Record is a TXT record to publish.
type Record struct{ Name, Value string }

// weakest is how many bits of RSA a receiver takes (RFC 8301).
const weakest = 1024

// New returns a signer. keys are private keys in PEM, one after the other: PKCS #8, or
// PKCS #1 for RSA. Each has a selector, in the same order.
func New(domain string, selectors []string, keys []byte) (*Signer, error) {
	s := &Signer{domain: domain, pages: sync.Pool{New: func() any { return new([]byte) }}}
	for {
		block, rest := pem.Decode(keys)
		if block == nil {
			break
		}
		k, err := readKey(block)
		if err != nil {
			return nil, err
		}
		s.keys, keys = append(s.keys, k), rest
	}
	switch {
	case len(s.keys) == 0 || len(bytes.TrimSpace(keys)) > 0:
		return nil, errors.New("the key is not in PEM: it begins with -----BEGIN PRIVATE KEY-----, as `openssl genpkey -algorithm ed25519` or `openssl genrsa 2048` writes it")
	case len(s.keys) != len(selectors):
		return nil, fmt.Errorf("the number of its keys is %d and of DKIM_SELECTOR's names %d: each key has a name, in the same order, like DKIM_SELECTOR=mail2026,mail2026ed", len(s.keys), len(selectors))
	}
	for i, selector := range selectors {
		if slices.Contains(selectors[:i], selector) {
			return nil, fmt.Errorf("two keys cannot both be published as %s", selector)
		}
		s.keys[i].selector = selector
	}
	if _, err := s.Sign([]byte("From: a@" + domain + "\r\n\r\n")); err != nil {
		return nil, fmt.Errorf("the key does not sign: %w", err)
	}
	return s, nil
}

func readKey(block *pem.Block) (k signingKey, err error) {
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if block.Type == "RSA PRIVATE KEY" {
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return k, fmt.Errorf("the %s cannot be read as a private key", strings.ToLower(block.Type)) // the cause may quote it
	}
	switch p := private.(type) {
	case ed25519.PrivateKey:
		k.algorithm, k.key = "ed25519-sha256", p
		k.record = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(p.Public().(ed25519.PublicKey))
	case *rsa.PrivateKey:
		if p.N.BitLen() < weakest {
			return k, fmt.Errorf("the RSA key has %d bits, and receivers take no fewer than %d: make one of 2048", p.N.BitLen(), weakest)
		}
		public, err := x509.MarshalPKIXPublicKey(p.Public())
		if err != nil {
			return k, err
		}
		k.algorithm, k.key = "rsa-sha256", p
		k.record = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
	default:
		return k, errors.New("the key is neither RSA nor Ed25519: receivers read nothing else")
	}
	return k, nil
}

// Records returns the TXT records to publish.
func (s *Signer) Records() (all []Record) {
	for _, k := range s.keys {
		all = append(all, Record{k.selector + "._domainkey." + s.domain, k.record})
	}
	return all
}

// Aligned reports whether DMARC counts a signature for a mail from that domain: both
// belong to one organisation (RFC 7489, section 3.1.1, relaxed).
func (s *Signer) Aligned(from string) bool {
	return Organisation(s.domain) == Organisation(from)
}

// Organisation is the domain that somebody registered, of which another one is a part;
// one that nobody can register is its own.
func Organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return registered
	}
	return domain
}

// Sign returns a complete mail with its signatures in front.
func (s *Signer) Sign(mail []byte) ([]byte, error) {
	page := s.pages.Get().(*[]byte)
	defer s.pages.Put(page)
	head, body := parts(mail)
	*page = appendBody((*page)[:0], body)
	hash := sha256.Sum256(*page)
	names, data := selected((*page)[:0], split(head))
	signed := make([]byte, 0, len(s.keys)<<10+len(mail))
	var err error
	for _, k := range s.keys {
		if signed, data, err = s.appendSignature(signed, k, names, hash, data); err != nil {
			return nil, err
		}
	}
	*page = data
	return append(signed, mail...), nil
}

// appendSignature appends the field of one key: over the hash of the body and the
// canonical fields, after which it uses the page further and leaves it as it was.
func (s *Signer) appendSignature(to []byte, k signingKey, names []string, body [sha256.Size]byte, fields []byte) (signed, page []byte, err error) {
	field := "DKIM-Signature: v=1; a=" + k.algorithm + "; c=relaxed/relaxed; d=" + s.domain + "; s=" + k.selector +
		";\r\n h=" + folded(names) + ";\r\n bh=" + base64.StdEncoding.EncodeToString(body[:]) + ";\r\n b="
	page = bytes.TrimSuffix(appendField(fields, []byte(field)), []byte("\r\n"))
	sum := sha256.Sum256(page)
	hash := crypto.SHA256
	if k.algorithm == "ed25519-sha256" {
		hash = 0 // it signs the digest as it is (RFC 8463, section 3)
	}
	signature, err := k.key.Sign(nil, sum[:], hash)
	if err != nil {
		return nil, page, err
	}
	to = append(to, field...)
	for text := base64.StdEncoding.EncodeToString(signature); text != ""; {
		n := min(len(text), 70)
		to = append(append(to, text[:n]...), "\r\n "...)
		text = text[n:]
	}
	return append(to[:len(to)-3], "\r\n"...), page[:len(fields)], nil
}

// parts cuts a mail into its head, with the last line's end, and its body.
func parts(mail []byte) (head, body []byte) {
	if i := bytes.Index(mail, []byte("\r\n\r\n")); i >= 0 {
		return mail[:i+2], mail[i+4:]
	}
	return mail, nil
}

// split returns the fields of a head, each with the lines that it goes on in.
func split(head []byte) (fields [][]byte) {
	for len(head) > 0 {
		end := 0
		for {
			i := bytes.IndexByte(head[end:], '\n')
			if i < 0 {
				end = len(head)
				break
			}
			if end += i + 1; end == len(head) || head[end] != ' ' && head[end] != '\t' {
				break
			}
		}
		fields = append(fields, head[:end])
		head = head[end:]
	}
	return fields
}

// selected appends the fields to sign to data, canonically, and returns what h= names:
// each as often as it is there, the last one first, and once more.
func selected(data []byte, fields [][]byte) (names []string, _ []byte) {
	for _, name := range signedFields {
		for _, f := range slices.Backward(fields) {
			before, _, _ := bytes.Cut(f, []byte(":"))
			if strings.EqualFold(string(bytes.TrimRight(before, " \t")), name) {
				names = append(names, name)
				data = appendField(data, f)
			}
		}
		names = append(names, name)
	}
	return names, data
}

// folded writes a list of names in short lines.
func folded(names []string) string {
	var b strings.Builder
	width := 0
	for i, name := range names {
		if i > 0 {
			b.WriteByte(':')
		}
		if width += len(name) + 1; width > 70 {
			b.WriteString("\r\n ")
			width = len(name) + 1
		}
		b.WriteString(name)
	}
	return b.String()
}

// appendField appends a field in the relaxed form (RFC 6376, section 3.4.2).
func appendField(to, field []byte) []byte {
	name, value, _ := bytes.Cut(field, []byte(":"))
	to = append(append(to, bytes.ToLower(bytes.TrimRight(name, " \t"))...), ':')
	start := len(to)
	space := false
	for _, c := range value {
		switch c {
		case '\r', '\n':
		case ' ', '\t':
			space = true
		default:
			if space && len(to) > start {
				to = append(to, ' ')
			}
			space = false
			to = append(to, c)
		}
	}
	return append(to, "\r\n"...)
}

// appendBody appends a body in the relaxed form (RFC 6376, section 3.4.4), as it goes
// over the wire: every line ends in CRLF.
func appendBody(to, body []byte) []byte {
	end := len(to) // of the last line that is not empty
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		line = bytes.TrimRight(bytes.TrimSuffix(line, []byte("\r")), " \t")
		to = appendLine(to, line)
		if len(line) > 0 {
			end = len(to)
		}
		body = rest
	}
	return to[:end]
}

func appendLine(to, line []byte) []byte {
	if !bytes.Contains(line, []byte("  ")) && bytes.IndexByte(line, '\t') < 0 {
		return append(append(to, line...), "\r\n"...)
	}
	space := false
	for _, c := range line {
		if c == ' ' || c == '\t' {
			space = true
			continue
		}
		if space {
			to = append(to, ' ')
		}
		space = false
		to = append(to, c)
	}
	return append(to, "\r\n"...)
}

// Transport hands mails over signed.
type Transport struct {
	delivery.Transport
	Signer *Signer
}

// Hand implements delivery.Transport. A mail that cannot be signed is kept back.
func (t Transport) Hand(ctx context.Context, m delivery.Message, begin func(context.Context) error) delivery.Outcome {
	signed, err := t.Signer.Sign(m.Body)
	if err != nil {
		return delivery.Outcome{Stage: delivery.StageConnect, Err: fmt.Errorf("%w: signing it: %w", delivery.ErrWithheld, err)}
	}
	m.Body = signed
	return t.Transport.Hand(ctx, m, begin)
}
