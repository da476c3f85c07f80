package console_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"regulars/internal/look/looktest"
	"regulars/internal/patiently"
)

// tab is a page of a browser that a test drives by Chromium's DevTools protocol, over a
// pipe. Flat sessions: one command is under way at a time.
type tab struct {
	t       *testing.T
	to      io.Writer
	said    chan message
	session string
	n       int
}

// message is an answer of the browser; events have no ID.
type message struct {
	ID     int
	Result json.RawMessage
	Error  *struct{ Message string }
}

// openTab starts a browser with one page.
func openTab(t *testing.T) *tab {
	t.Helper()
	browser := looktest.Chromium(t)
	profile, err := os.MkdirTemp("", "regulars-tab-")
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), browser, append(looktest.Flags(profile), "--enable-blink-features=ComputedAccessibilityInfo", "--remote-debugging-pipe", "about:blank")...)
	c.ExtraFiles = []*os.File{theirs, write} // 3 and 4, as the flag has it
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), write.Close() // the browser has its own
	p := &tab{t: t, to: ours, said: make(chan message, 1000)}
	go p.listen(read)
	t.Cleanup(func() {
		_, _ = ours.Close(), c.Process.Kill()
		_ = c.Wait() // it was ended
		_ = read.Close()
		_ = os.RemoveAll(profile) // what of it still writes there is on its way out
	})
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	p.do("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var attached struct{ SessionID string }
			p.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
			p.session = attached.SessionID
			return p
		}
	}
	t.Fatal("the browser has no page")
	return nil
}

// listen reads answers until the browser has ended.
func (p *tab) listen(from io.Reader) {
	defer close(p.said)
	lines := bufio.NewReader(from)
	for {
		text, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil && m.ID > 0 {
			p.said <- m
		}
	}
}

// do has the browser do something, and reads what it answers.
func (p *tab) do(method string, params map[string]any, into any) {
	p.t.Helper()
	if failed := p.try(method, params, into); failed != "" {
		p.t.Fatalf("%s: %s", method, failed)
	}
}

// try is do that may be refused: it says why.
func (p *tab) try(method string, params map[string]any, into any) (failed string) {
	p.t.Helper()
	p.n++
	if params == nil {
		params = map[string]any{}
	}
	command := map[string]any{"id": p.n, "method": method, "params": params}
	if p.session != "" {
		command["sessionId"] = p.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.to.Write(append(text, 0)); err != nil {
		p.t.Fatal(err)
	}
	select {
	case m, is := <-p.said:
		switch {
		case !is || m.ID != p.n:
			p.t.Fatalf("%s: the browser is gone", method)
		case m.Error != nil:
			return m.Error.Message
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				p.t.Fatal(err)
			}
		}
	case <-time.After(patiently.AtMost):
		p.t.Fatalf("%s: no answer", method)
	}
	return ""
}

// eval evaluates an expression in the page, and reads its value. While the page is on its
// way elsewhere there is none.
func (p *tab) eval(expression string) any {
	p.t.Helper()
	var got struct {
		Result struct{ Value any }
	}
	_ = p.try("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "userGesture": true}, &got) // the page that was asked has gone
	return got.Result.Value
}

// until waits until an expression is true in the page.
func (p *tab) until(expression string) {
	p.t.Helper()
	patiently.UntilRight(p.t, func() string {
		if p.eval(expression) == true {
			return ""
		}
		return fmt.Sprintf("it never comes to %s: %v", expression, p.eval("location.href + ': ' + document.body.innerText.slice(0, 600)"))
	})
}

// open opens an address, and waits until the page and its scripts are there.
func (p *tab) open(address string) {
	p.t.Helper()
	p.do("Page.navigate", map[string]any{"url": address}, nil)
	p.until(fmt.Sprintf("location.href === %q && document.readyState === 'complete'", address))
}

// says waits until the page that comes says something.
func (p *tab) says(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.readyState === 'complete' && document.body.innerText.includes(%q)", text))
}

// showsFocus checks that everything which the keyboard reaches shows that it has it.
func (p *tab) showsFocus(t *testing.T) {
	t.Helper()
	lacking := p.eval(`[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")].filter(e => {
		if (!e.checkVisibility()) return false;
		e.focus({focusVisible: true});
		const style = getComputedStyle(e);
		return document.activeElement !== e || style.outlineStyle === "none" && style.boxShadow === "none" || parseFloat(style.outlineWidth) < 1;
	}).map(e => e.outerHTML.slice(0, 100)).join("\n")`)
	if lacking != "" {
		t.Errorf("what has the focus does not show it: %v", lacking)
	}
}
