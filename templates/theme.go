package templates

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The inline styles of a mail. Mail programs drop style sheets, so each element
// carries its own; the classes are for the dark colours and narrow screens in the
// one style block of layout.html. accentSign and its like are filled in when the mail
// is rendered, since only then the brand is known.
const (
	paragraphStyle = "margin:0 0 16px"
	h1Style        = "margin:0 0 16px;font-size:27px;line-height:1.25;font-weight:700;letter-spacing:-0.01em"
	h2Style        = "margin:28px 0 12px;font-size:20px;line-height:1.3;font-weight:700"
	h3Style        = "margin:24px 0 8px;font-size:17px;line-height:1.35;font-weight:700"
	listStyle      = "margin:0 0 16px;padding:0 0 0 22px"
	itemStyle      = "margin:0 0 8px"
	quoteStyle     = "margin:0 0 16px;padding:2px 0 2px 16px;border-left:3px solid " + accentSign
	ruleStyle      = "margin:28px 0;border:0;border-top:1px solid #e6e1d9;height:0"
	linkStyle      = "color:" + accentSign + ";text-decoration:underline"
	imageStyle     = "display:block;max-width:100%;height:auto;border:0;border-radius:8px"
	codeStyle      = "font-family:" + mono + ";font-size:0.92em;padding:2px 5px;border-radius:4px;background-color:#f3efe8"
	preStyle       = "margin:0 0 16px;padding:14px 16px;border-radius:8px;background-color:#f3efe8;font-family:" + mono + ";font-size:14px;line-height:1.5;white-space:pre-wrap;word-break:break-word"
	tableStyle     = "margin:0 0 20px;border-collapse:collapse"
	headStyle      = "padding:6px 0 8px;border-bottom:2px solid #e6e1d9;font-size:13px;font-weight:600"
	cellStyle      = "padding:10px 0;border-bottom:1px solid #e6e1d9;vertical-align:top"

	mono = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
)

// Where the brand's colours go. No value can bring these signs in, since values
// have no control characters.
const (
	accentSign     = "\x0eaccent\x0f" // links, borders
	buttonSign     = "\x0ebutton\x0f"
	onButtonSign   = "\x0eonbutton\x0f"
	tintSign       = "\x0etint\x0f"
	darkAccentSign = "\x0edarkaccent\x0f"
	pictureSign    = "\x0epicture\x0f" // where the program's own pictures are
	darkTintSign   = "\x0edarktint\x0f"
)

// buttonHTML takes the address and the words. The cell carries the colour for
// programs that ignore it on links.
const buttonHTML = `<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="cta" style="margin:8px 0 24px"><tr>` +
	`<td bgcolor="` + buttonSign + `" style="border-radius:8px;background-color:` + buttonSign + `">` +
	`<a class="button" href="%s" style="display:inline-block;padding:14px 28px;border-radius:8px;background-color:` + buttonSign + `;color:` + onButtonSign + `;font-size:16px;line-height:20px;font-weight:600;text-decoration:none">%s</a>` +
	`</td></tr></table>` + "\n"

// couponTag stands for the coupon box until it is known which part it is for.
const couponTag = "coupon-box"

const couponHTML = `<table role="presentation" width="100%%" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr>` +
	`<td class="coupon" align="center" bgcolor="` + tintSign + `" style="padding:22px 16px;border:2px dashed ` + accentSign + `;border-radius:12px;background-color:` + tintSign + `;text-align:center">` +
	`<div class="muted" style="font-size:13px;line-height:18px;letter-spacing:0.04em;color:#6b645a">{{$.look.yourCode}}</div>` +
	`<div class="code-word" style="margin:8px 0;font-family:` + mono + `;font-size:26px;line-height:1.25;font-weight:700;letter-spacing:0.06em;word-break:break-word">%s</div>` +
	`{{if $.coupon.gives}}<div style="font-size:16px;line-height:22px;font-weight:600">{{$.coupon.gives}}</div>{{end}}` +
	`{{if $.look.conditions}}<div class="muted" style="margin-top:4px;font-size:13px;line-height:18px;color:#6b645a">{{$.look.conditions}}</div>{{end}}` +
	`</td></tr></table>`

// couponText is the same for the text part.
const couponText = "{{$.look.yourCode}}: %s{{if $.coupon.gives}}\n{{$.coupon.gives}}{{end}}{{if $.look.conditions}}\n{{$.look.conditions}}{{end}}"

// look is what the layout shows besides the mail itself.
func (e *env) look(roots map[string]any) map[string]any {
	coupon, _ := roots["coupon"].(map[string]any)
	return map[string]any{
		"lang": e.lang, "dir": direction(e.lang), "side": map[string]string{"ltr": "left", "rtl": "right"}[direction(e.lang)],
		"shop": clean(e.brand.Name), "url": webLink(e.brand.URL), "address": clean(e.brand.Address), "logo": webLink(e.brand.Logo), "pixel": webLink(e.brand.Pixel),
		"footer":      e.words.Say("mails.footer", clean(e.brand.Name)),
		"unsubscribe": e.words.Say("mails.unsubscribe"), "preferences": e.words.Say("mails.preferences"),
		"yourCode": e.words.Say("mails.your_code"), "conditions": e.conditions(coupon["ends"], coupon["minimum"]),
	}
}

// conditions says until when and from what order a code holds.
func (e *env) conditions(end, minimum any) string {
	says := ""
	if ends, ok := end.(moment); ok {
		says = e.words.Say("mails.valid_until", ends.String())
	}
	if least, ok := minimum.(amount); ok && least.minor > 0 {
		if says != "" {
			says += " · "
		}
		says += e.words.Say("mails.minimum", least.round())
	}
	return says
}

// color is red, green and blue from 0 to 255.
type color [3]float64

var (
	white = color{255, 255, 255}
	black = color{}
	night = color{28, 28, 30} // the card in the dark
	ink   = color{36, 33, 28}

	hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// colored fills the brand's colours and where its pictures are into a page; of no #rrggbb a quiet green.
func colored(page string, of Brand) string {
	brand := of.Color
	if !hexColor.MatchString(brand) {
		brand = "#1f6f5c"
	}
	n, _ := strconv.ParseUint(brand[1:], 16, 32) // the pattern has seen to it
	accent := color{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
	button, words := accent.button()
	return strings.NewReplacer(
		accentSign, accent.against(white, black, readable).css(), buttonSign, button.css(), onButtonSign, words.css(),
		tintSign, accent.mixed(white, 0.92).css(),
		darkAccentSign, accent.against(night, white, 6).css(), darkTintSign, accent.mixed(night, 0.88).css(),
		pictureSign, of.Pictures+"/",
	).Replace(page)
}

func (c color) css() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// mixed moves c towards other by share, from 0 to 1.
func (c color) mixed(other color, share float64) color {
	for i := range c {
		c[i] += (other[i] - c[i]) * share
	}
	return c
}

// button is the colour of a button and of the words on it: the brand's own with
// white or ink, and if neither can be read on it, a darker one with white.
func (c color) button() (ground, words color) {
	if contrast(c, white) < readable && contrast(c, ink) >= readable {
		return c, ink
	}
	return c.against(white, black, readable), white
}

// readable is the least contrast of words to their ground (WCAG 2, AA).
const readable = 4.5

// against moves c towards another colour until it stands out enough from its ground.
func (c color) against(ground, towards color, enough float64) color {
	for share := 0.0; share < 1; share += 0.04 {
		if moved := c.mixed(towards, share); contrast(moved, ground) >= enough {
			return moved
		}
	}
	return towards
}

// contrast is the ratio of WCAG 2, from 1 to 21.
func contrast(a, b color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c color) luminance() float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := c[i] / 255
		if v <= 0.03928 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
