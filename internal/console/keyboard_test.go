package console_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/staff"
)

// marketer is somebody at the console: a browser, who is signed in, and hands on the
// keyboard. No mouse is used.
type marketer struct {
	*tab
	*demoShop
	t     *testing.T
	byTab bool // what is wanted is reached by Tab alone; false: the focus is put on it
}

// mostTabs is after how many presses of Tab something counts as out of reach.
const mostTabs = 150

// key presses a key.
func (d *marketer) key(name string, code int, text string, commands ...string) {
	d.t.Helper()
	press := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text}
	if len(commands) > 0 {
		press["commands"] = commands
	}
	d.do("Input.dispatchKeyEvent", press, nil)
	d.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "code": name, "windowsVirtualKeyCode": code}, nil)
}

// focused tells what has the focus: its name, as a screen reader says it, and whether it
// can be seen that it has the focus.
const focused = `(() => {
	const e = document.activeElement, style = e && getComputedStyle(e);
	if (!e || e === document.body || e === document.documentElement) return {Name: "", Shows: true};
	const plain = e.tagName === "IFRAME" || e.tagName === "MAIN" || e.tagName === "HTML";
	return {Name: e.computedName, Shows: plain || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none"};
})()`

// reach brings the focus to what is called so, or begins so.
func (d *marketer) reach(name string) {
	d.t.Helper()
	if !d.byTab {
		put := fmt.Sprintf(`(() => {
			const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(e => e.checkVisibility() && e.computedName.startsWith(%q));
			(all.find(e => e.computedName === %q) ?? all[0])?.focus();
			return all.length > 0;
		})()`, name, name)
		if d.eval(put) != true {
			d.t.Fatalf("nothing on the page is called %q: %v", name, d.eval("document.body.innerText.slice(0, 900)"))
		}
		return
	}
	var passed []string
	for range mostTabs {
		d.key("Tab", 9, "")
		now, _ := d.eval(focused).(map[string]any)
		called, _ := now["Name"].(string)
		if now["Shows"] == false {
			d.t.Errorf("%q has the focus, and nobody sees it", called)
		}
		if strings.HasPrefix(called, name) {
			return
		}
		passed = append(passed, called)
	}
	d.t.Fatalf("%d presses of Tab do not lead to %q: %q", mostTabs, name, passed)
}

// main skips the head of the page, as who works by keyboard does.
func (d *marketer) main() {
	d.t.Helper()
	d.reach("Skip to the page")
	d.key("Enter", 13, "\r")
}

// press presses what is called so, and waits for the page that comes.
func (d *marketer) press(name string) {
	d.t.Helper()
	d.reach(name)
	d.eval("window.before = true")
	d.key("Enter", 13, "\r")
	d.until("window.before === undefined && document.readyState === 'complete'")
}

// unfold opens what is folded away.
func (d *marketer) unfold(name string) {
	d.t.Helper()
	d.reach(name)
	d.key("Enter", 13, "\r")
	d.until("document.activeElement.tagName === 'SUMMARY' && document.activeElement.parentElement.open")
}

// fill writes into a field, in place of what stands there.
func (d *marketer) fill(name, text string) {
	d.t.Helper()
	d.reach(name)
	d.key("a", 65, "", "selectAll")
	d.do("Input.insertText", map[string]any{"text": text}, nil)
	if got := d.eval("document.activeElement.value"); got != text {
		d.t.Fatalf("%s holds %q", name, got)
	}
}

// choose ticks a choice of several: Tab goes to the group, arrows go through it.
func (d *marketer) choose(name string) {
	d.t.Helper()
	if !d.byTab {
		d.eval(fmt.Sprintf("[...document.querySelectorAll('input[type=radio]')].find(e => e.computedName.startsWith(%q))?.focus()", name))
	}
	for n := 0; d.byTab && n < mostTabs && d.eval("document.activeElement.type") != "radio"; n++ {
		d.key("Tab", 9, "")
	}
	for range 10 {
		if called, _ := d.eval("document.activeElement.computedName").(string); strings.HasPrefix(called, name) {
			break
		}
		d.key("ArrowDown", 40, "")
	}
	d.key(" ", 32, " ")
	if called, _ := d.eval("document.activeElement.checked && document.activeElement.computedName").(string); !strings.HasPrefix(called, name) {
		d.t.Fatalf("%q is not chosen, but %q", name, called)
	}
}

// give hands a file to a field; what the browser asks for it belongs to no page.
func (d *marketer) give(field, path string) {
	d.t.Helper()
	d.reach(field)
	var got struct {
		Result struct{ ObjectID string }
	}
	d.do("Runtime.evaluate", map[string]any{"expression": "document.activeElement"}, &got)
	d.do("DOM.setFileInputFiles", map[string]any{"files": []string{path}, "objectId": got.Result.ObjectID}, nil)
}

// part opens a part of the console by its link in the head of the page.
func (d *marketer) part(name string) {
	d.t.Helper()
	d.open(d.site + "/console/")
	d.press(name)
}

// as signs somebody in, in place of who was; the next page is theirs.
func (d *marketer) as(role staff.Role) {
	d.t.Helper()
	d.do("Network.setCookie", map[string]any{"name": "regulars", "value": d.sessions[role], "url": d.site, "path": "/", "httpOnly": true, "sameSite": "Lax"}, nil)
}

// reads waits until the page says something; what it says is compared without capitals.
func (d *marketer) reads(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		d.until(fmt.Sprintf("document.readyState === 'complete' && document.body.innerText.toLowerCase().replaceAll(/\\s+/g, ' ').includes(%q)", strings.ToLower(text)))
	}
}
