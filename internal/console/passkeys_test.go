package console_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// device holds one passkey, as a phone does. What it says can be bent.
type device struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte // of the user that it was made for
	origin  string
	counter uint32
	flags   byte // user present 1, user verified 4, may be backed up 8, is backed up 16
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &device{t: t, key: key, id: id, origin: base, flags: 1 | 4 | 8 | 16}
}

// asked are the options that a page gives to the browser.
type asked struct {
	PublicKey struct {
		Challenge, RPID, UserVerification string
		User                              struct{ ID string }
		RP                                struct{ ID string }
	}
}

func (d *device) read(options string) (a asked) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(options), &a); err != nil {
		d.t.Fatalf("%v: %.300s", err, options)
	}
	return a
}

var b64 = base64.RawURLEncoding.EncodeToString

// client is what the browser says of where it was asked.
func (d *device) client(kind, challenge string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, kind, challenge, d.origin)
}

// data is the authenticator's data, for one party.
func (d *device) data(party string, flags byte) []byte {
	d.counter++
	hash := sha256.Sum256([]byte(party))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), d.counter)
}

// made answers a request for a new passkey, vouched for by nobody.
func (d *device) made(options string) string {
	a := d.read(options)
	d.handle, _ = base64.RawURLEncoding.DecodeString(a.PublicKey.User.ID) // a wrong one is seen by the console
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	data := d.data(a.PublicKey.RP.ID, d.flags|0x40)
	data = append(data, make([]byte, 16)...) // of no known maker
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(d.id))), d.id...)
	// COSE in CBOR: {1: EC2, 3: ES256, -1: P-256, -2: x, -3: y}
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32)
	data = append(append(append(data, point[1:33]...), 0x22, 0x58, 32), point[33:]...)
	var object bytes.Buffer
	object.WriteString("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58")
	object.WriteByte(byte(len(data)))
	object.Write(data)
	return fmt.Sprintf(`{"id":%q,"rawId":%q,"type":"public-key","clientExtensionResults":{},"response":{"clientDataJSON":%q,"attestationObject":%q,"transports":["internal"]}}`,
		b64(d.id), b64(d.id), b64(d.client("webauthn.create", a.PublicKey.Challenge)), b64(object.Bytes()))
}

// answer signs what the browser was asked.
func (d *device) answer(options string) string {
	a := d.read(options)
	if a.PublicKey.UserVerification != "required" {
		d.t.Errorf("who holds the device is not asked for: %.300s", options)
	}
	data, client := d.data(a.PublicKey.RPID, d.flags), d.client("webauthn.get", a.PublicKey.Challenge)
	of := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), of[:]...))
	signed, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf(`{"id":%q,"rawId":%q,"type":"public-key","clientExtensionResults":{},"response":{"clientDataJSON":%q,"authenticatorData":%q,"signature":%q,"userHandle":%q}}`,
		b64(d.id), b64(d.id), b64(client), b64(data), b64(signed), b64(d.handle))
}

// added is a device whose passkey a user has added.
func (h *house) added(t *testing.T, as staff.Role) *device {
	t.Helper()
	d := newDevice(t)
	a := h.ask(as, "/console/me/passkey", url.Values{})
	if a.StatusCode != http.StatusOK {
		t.Fatalf("a new passkey: %d %.300s", a.StatusCode, h.log.String())
	}
	h.does(t, as, "/console/me/passkeys", url.Values{"name": {"blue <b>key</b>"}, "created": {d.made(a.Body)}}).shows(t, "The passkey is added")
	return d
}

// enter has a device sign in, and returns what was answered; the ticket is a cookie.
func (h *house) enter(d *device) (a answer, ticket, said string) {
	h.T.Helper()
	asked := h.ask(staff.Nobody, "/console/passkey", url.Values{})
	if asked.StatusCode != http.StatusOK || len(asked.Cookies()) != 1 {
		h.T.Fatalf("asking for a passkey: %d %.300s", asked.StatusCode, asked.Body)
	}
	ticket, said = "Cookie: "+asked.Cookies()[0].Name+"="+asked.Cookies()[0].Value, d.answer(asked.Body)
	return h.ask(staff.Nobody, "/console/sign-in/passkey", url.Values{"passkey": {said}}, ticket), ticket, said
}

// session is that of an answer which let somebody in; "" is none.
func (a answer) session() string {
	for _, c := range a.Cookies() {
		if c.Name == "__Host-regulars" && a.StatusCode == http.StatusSeeOther {
			return c.Value
		}
	}
	return ""
}

// TestOneSignsInByAPasskey goes from the first passkey to the last, over HTTP.
func TestOneSignsInByAPasskey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.password(staff.Admin)
		d := h.added(t, staff.Admin)
		h.ask(staff.Admin, "/console/me", nil).shows(t, "blue <b>key</b>")
		h.ask(staff.Admin, "/console/users", nil).shows(t, "one passkey")
		a, ticket, said := h.enter(d)
		in := a.session()
		if in == "" {
			t.Fatalf("signing in: %d %.500s", a.StatusCode, words(all(tree(t, a.Body), "main")[0]))
		}
		h.as[staff.Admin] = in
		h.ask(staff.Admin, "/console/audit", nil).shows(t, "signed in by passkey admin@shop.example")
		again := h.ask(staff.Nobody, "/console/sign-in/passkey", url.Values{"passkey": {said}}, ticket)
		if again.session() != "" || !strings.Contains(again.Body, "used already") {
			t.Errorf("the same answer once more: %d", again.StatusCode)
		}

		h.aWhileAgo(staff.Admin)
		role := url.Values{"email": {"viewer@shop.example"}, "role": {"marketer"}}
		h.refused(t, staff.Admin, "/console/users/role", role, "prove once more")
		role.Set("passkey", said)
		h.refused(t, staff.Admin, "/console/users/role", role, "used already")
		role.Set("passkey", d.answer(h.ask(staff.Admin, "/console/passkey", url.Values{}).Body))
		h.does(t, staff.Admin, "/console/users/role", role).shows(t, "viewer@shop.example no password marketer")

		h.does(t, staff.Admin, "/console/me/password/remove", url.Values{}).shows(t, "The password is removed")
		if a := h.ask(staff.Nobody, "/console/sign-in", url.Values{"email": {"admin@shop.example"}, "password": {"three old birds"}}); a.session() != "" {
			t.Error("the password that was removed lets in")
		}
		id := h.Number("select id from passkeys")
		h.refused(t, staff.Admin, fmt.Sprintf("/console/me/passkeys/%d/remove", id), url.Values{}, "your only way in")
		h.does(t, staff.Admin, "/console/me/password", url.Values{"next": {"four older birds"}, "again": {"four older birds"}}).shows(t, "The password is changed")
		h.does(t, staff.Admin, fmt.Sprintf("/console/me/passkeys/%d/remove", id), url.Values{}).shows(t, "The passkey is removed")
		if a, _, _ := h.enter(d); a.session() != "" {
			t.Error("the passkey that was removed lets in")
		}
		if n := h.Number("select count(*) from challenges where data like '%challenge\":\"_%'"); n != 0 {
			t.Error("a challenge stands in the database")
		}
	})
}

// TestPasskeysAreRefused bends one thing of an answer after another.
func TestPasskeysAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.added(t, staff.Admin)
		for _, tt := range []struct {
			what string
			bend func(d *device)
		}{
			{"another site", func(d *device) { d.origin = "https://shop.example.evil.example" }},
			{"the same name without https", func(d *device) { d.origin = "http://shop.example" }},
			{"another port", func(d *device) { d.origin = base + ":8443" }},
			{"nobody was asked to unlock the device", func(d *device) { d.flags &^= 4 }},
			{"nobody was there", func(d *device) { d.flags &^= 1 }},
			{"it could not be backed up when it was added", func(d *device) { d.flags &^= 8 | 16 }},
			{"another user's handle", func(d *device) { d.handle = []byte("user 9999") }},
			{"no handle", func(d *device) { d.handle = nil }},
			{"a passkey that nobody added", func(d *device) { d.id = []byte("nobody's passkey") }},
			{"another key", func(d *device) { d.key = newDevice(t).key }},
			{"a copy, whose counter is behind", func(d *device) { d.counter = 0 }},
		} {
			if a, _, _ := h.enter(d); a.session() == "" {
				t.Fatalf("before %s: %d", tt.what, a.StatusCode)
			}
			bent := *d
			tt.bend(&bent)
			a, _, _ := h.enter(&bent)
			if a.session() != "" || a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "does not let you in here") {
				t.Errorf("%s: %d", tt.what, a.StatusCode)
			}
			d.counter = max(d.counter, bent.counter)
			h.forgetTries()
		}
		_, _, said := h.enter(d)
		if a := h.ask(staff.Nobody, "/console/sign-in/passkey", url.Values{"passkey": {said}}); a.session() != "" {
			t.Error("an answer lets in without the browser's ticket")
		}
		asked := h.ask(staff.Nobody, "/console/passkey", url.Values{})
		_, other, _ := h.enter(d)
		if a := h.ask(staff.Nobody, "/console/sign-in/passkey", url.Values{"passkey": {d.answer(asked.Body)}}, other); a.session() != "" {
			t.Error("an answer lets in with another browser's ticket")
		}
		for _, nonsense := range []string{"", "{}", "[1]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
			if a := h.ask(staff.Nobody, "/console/sign-in/passkey", url.Values{"passkey": {nonsense}}, other); a.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", nonsense, a.StatusCode)
			}
		}

		// Of one who has signed in.
		mine := h.added(t, staff.Marketer)
		h.aWhileAgo(staff.Admin)
		user := url.Values{"email": {"viewer@shop.example"}}
		user.Set("passkey", mine.answer(h.ask(staff.Admin, "/console/passkey", url.Values{}).Body))
		h.refused(t, staff.Admin, "/console/users/remove", user, "does not let you in here")
		user.Set("passkey", d.answer(h.ask(staff.Marketer, "/console/passkey", url.Values{}).Body))
		h.refused(t, staff.Admin, "/console/users/remove", user, "used already")
		if a := h.ask(staff.Admin, "/console/me/passkey", url.Values{}); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "prove once more") {
			t.Errorf("a new passkey a while after signing in: %d", a.StatusCode)
		}
		old := h.ask(staff.Marketer, "/console/me/passkey", url.Values{}).Body
		again := url.Values{"name": {"again"}, "created": {mine.made(old)}}
		h.refused(t, staff.Admin, "/console/me/passkeys", again, "used already")
		h.refused(t, staff.Marketer, "/console/me/passkeys", again, "does not let you in here") // it is there already
		h.refused(t, staff.Marketer, "/console/me/passkeys", url.Values{"name": {" "}, "created": {"{}"}}, "Call the passkey something")
		theirs := h.Number("select k.id from passkeys k join users u on u.id = k.user_id where u.role = 'admin'")
		h.refused(t, staff.Marketer, fmt.Sprintf("/console/me/passkeys/%d/remove", theirs), url.Values{}, "no such page")
	})
}

// forgetTries lets a test try more often than people may.
func (h *house) forgetTries() {
	h.Do(func(tx *store.Tx) error { _, err := tx.Exec("delete from sign_in_tries", nil); return err })
}

// TestPasskeysGoWithTheirUser changes a role and removes a user.
func TestPasskeysGoWithTheirUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.added(t, staff.Viewer)
		a, _, _ := h.enter(d)
		h.as[staff.Viewer] = a.session()
		h.does(t, staff.Admin, "/console/users/role", url.Values{"email": {"viewer@shop.example"}, "role": {"launcher"}})
		if a := h.ask(staff.Viewer, "/console/", nil); a.StatusCode != http.StatusSeeOther {
			t.Errorf("another role leaves the session of a passkey: %d", a.StatusCode)
		}
		if a, _, _ := h.enter(d); a.session() == "" {
			t.Errorf("another role takes the passkey away: %d", a.StatusCode)
		}
		h.does(t, staff.Admin, "/console/users/remove", url.Values{"email": {"viewer@shop.example"}})
		if a, _, _ := h.enter(d); a.session() != "" {
			t.Error("the passkey of a user who was removed lets in")
		}
		if n := h.Number("select count(*) from passkeys"); n != 0 {
			t.Errorf("%d passkeys are left of a user who was removed", n)
		}
	})
}

// TestTriesOfPasskeysAreCounted asks more often than people do.
func TestTriesOfPasskeysAreCounted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 20 {
			h.ask(staff.Nobody, "/console/passkey", url.Values{})
		}
		if a := h.ask(staff.Nobody, "/console/passkey", url.Values{}); a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the 21st: %d", a.StatusCode)
		}
	})
}
