package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/look/looktest"
	"regulars/internal/staff"
	"regulars/internal/store/storetest"
)

// A mail's page offers the placeholders that its campaign has, a file of rules their
// fields; without script they are a list.
func TestWordsAreOffered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		change := h.draft(t, "words")
		mail := h.ask(staff.Marketer, change+"/files/campaigns/welcome/hello.en.md", nil)
		mail.shows(t, "What can be used here")
		for word, want := range map[string]bool{"member.first_name": true, "shop.name": true, "coupon.code": true, "order.total": false, "orders": false} {
			if strings.Contains(mail.Body, `data-word="`+word+`"`) != want {
				t.Errorf("a mail offers %s: %t", word, !want)
			}
		}
		for _, page := range []answer{h.ask(staff.Marketer, change+"/files/segments.yaml", nil), h.ask(staff.Marketer, "/console/segments", nil), h.ask(staff.Marketer, change+"/campaign", nil)} {
			if !strings.Contains(page.Body, `data-word="orders"`) || strings.Contains(page.Body, `data-word="member.first_name"`) {
				t.Error("a page of rules does not offer the fields of rules")
			}
		}
	})
}

// By keyboard alone a word is begun, chosen and taken, and a problem leads to its line.
func TestWordsAreCompletedInABrowser(t *testing.T) {
	t.Parallel()
	looktest.Chromium(t)
	h := newHouse(t, storetest.SQLite(t))
	change := h.draft(t, "words")
	file := change + "/files/campaigns/welcome/hello.en.md"
	h.does(t, staff.Marketer, file, url.Values{"text": {"---\nsubject: Hi\n---\nHello\n{{ member.frist_name }}\n"}})
	page := h.ask(staff.Marketer, file, nil).Body
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(page)) // the browser has gone away
			return
		}
		h.handle.ServeHTTP(w, r)
	}))
	defer site.Close()
	p := openTab(t)
	p.open(site.URL + "/")
	p.until("document.querySelectorAll('.lined .numbers span').length === 6")
	p.eval("document.querySelector('[data-places] button').click()")
	if got := p.eval("const text = document.querySelector('textarea'); text.value.slice(text.selectionStart, text.selectionEnd)"); got != "{{ member.frist_name }}" {
		t.Errorf("the problem leads to %q", got)
	}
	press := func(name string, code int) {
		for _, kind := range []string{"rawKeyDown", "keyUp"} {
			p.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code}, nil)
		}
	}
	p.do("Input.insertText", map[string]any{"text": "{{ member.fi"}, nil)
	p.until("document.querySelector('.offers').hidden === false")
	if got := p.eval("[...document.querySelectorAll('.offers [role=option]')].map(o => o.dataset.word).join(' ')"); got != "member.first_name member.first_order" {
		t.Errorf("offered: %v", got)
	}
	press("ArrowDown", 40)
	press("ArrowDown", 40)
	press("ArrowUp", 38)
	p.until("document.activeElement.getAttribute('aria-activedescendant') === document.querySelector('.offers [aria-selected=true]').id")
	press("Enter", 13)
	p.until("document.querySelector('.offers').hidden")
	p.do("Input.insertText", map[string]any{"text": " }} or"}, nil)
	if got := p.eval("document.querySelector('textarea').value.split('\\n')[4]"); got != "{{ member.first_name }} or" {
		t.Errorf("the line is %q", got)
	}
	p.do("Input.insertText", map[string]any{"text": " {{ shop.n"}, nil)
	p.until("document.querySelector('.offers').hidden === false")
	press("Escape", 27)
	p.until("document.querySelector('.offers').hidden")
	if p.eval("document.activeElement.tagName") != "TEXTAREA" {
		t.Error("the field has lost its focus")
	}
}
