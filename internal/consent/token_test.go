package consent_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/internal/consent"
)

func TestLinksAreReadAsTheyWereMade(t *testing.T) {
	t.Parallel()
	l := consent.NewLinks("https://mail.shop.example/", [][]byte{[]byte("key")})
	rapid.Check(t, func(t *rapid.T) {
		want := consent.Claims{Member: rapid.Int64Range(1, 1<<62).Draw(t, "member"), Send: rapid.Int64Range(0, 1<<62).Draw(t, "send"),
			Address: rapid.SampledFrom([]string{"", "abcd", "\x00\xff\x00\x01"}).Draw(t, "address")}
		if got, err := l.Parse(consent.KindPage, l.Token(consent.KindPage, want)); got != want || err != nil {
			t.Fatalf("Parse(Token(%+v)) = %+v, %v", want, got, err)
		}
	})
}

func TestLinkIsShortAndUnderItsPath(t *testing.T) {
	t.Parallel()
	l := consent.NewLinks("https://mail.shop.example/", [][]byte{[]byte("key")})
	for path, link := range map[string]string{
		"https://mail.shop.example/u/":       l.Unsubscribe(1_000_000, 50_000_000, consent.Key(pepper, "ana@example.test")),
		"https://mail.shop.example/confirm/": l.Confirm(1_000_000, 50_000_000, consent.Key(pepper, "ana@example.test")),
		"https://mail.shop.example/m/":       l.Page(1_000_000, 50_000_000, nil),
	} {
		token, ok := strings.CutPrefix(link, path)
		if !ok || len(token) > 40 || strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			t.Errorf("link %q: want %s and at most 40 safe characters", link, path)
		}
	}
}

func TestForeignTokens(t *testing.T) {
	t.Parallel()
	old, fresh := []byte("old key"), []byte("fresh key")
	before, after := consent.NewLinks("", [][]byte{old}), consent.NewLinks("", [][]byte{fresh, old})
	c := consent.Claims{Member: 12, Send: 345}
	token := before.Token(consent.KindUnsubscribe, c)
	if got, err := after.Parse(consent.KindUnsubscribe, token); got != c || err != nil {
		t.Errorf("a token of the key before the rotation = %+v, %v, want %+v", got, err, c)
	}
	if after.Token(consent.KindUnsubscribe, c) == token {
		t.Error("after the rotation tokens are still made with the old key")
	}
	for name, tt := range map[string]struct {
		links *consent.Links
		kind  consent.Kind
		token string
	}{
		"used as another kind":              {before, consent.KindConfirm, token},
		"of a key that is gone":             {consent.NewLinks("", [][]byte{fresh}), consent.KindUnsubscribe, token},
		"empty":                             {before, consent.KindUnsubscribe, ""},
		"cut short":                         {before, consent.KindUnsubscribe, token[:len(token)-4]},
		"not base64":                        {before, consent.KindUnsubscribe, "ÄÄÄ" + token},
		"with padding":                      {before, consent.KindUnsubscribe, token + "="},
		"lengthened":                        {before, consent.KindUnsubscribe, token + "AAAA"},
		"of zeros":                          {before, consent.KindUnsubscribe, strings.Repeat("A", len(token))},
		"with the first character replaced": {before, consent.KindUnsubscribe, "B" + token[1:]},
	} {
		if got, err := tt.links.Parse(tt.kind, tt.token); !errors.Is(err, consent.ErrToken) {
			t.Errorf("a token %s: Parse(%q) = %+v, %v, want ErrToken", name, tt.token, got, err)
		}
	}
}

// No change of one character gives another valid token.
func TestTokensCannotBeChanged(t *testing.T) {
	t.Parallel()
	l := consent.NewLinks("", [][]byte{[]byte("key")})
	token := l.Token(consent.KindUnsubscribe, consent.Claims{Member: 12, Send: 345})
	for i := range token {
		for _, c := range "Aa0-_Zz9" {
			changed := token[:i] + string(c) + token[i+1:]
			if _, err := l.Parse(consent.KindUnsubscribe, changed); changed != token && err == nil {
				t.Errorf("Parse(%q) went through; the token is %q", changed, token)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	l := consent.NewLinks("", [][]byte{[]byte("key")})
	f.Add(l.Token(consent.KindUnsubscribe, consent.Claims{Member: 12, Send: 345}))
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := l.Parse(consent.KindUnsubscribe, token); err == nil && l.Token(consent.KindUnsubscribe, c) != token {
			t.Errorf("Parse(%q) = %+v, whose token is another", token, c)
		}
	})
}
