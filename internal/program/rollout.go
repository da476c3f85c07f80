package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// Pilot is the part of a run's mails that goes first, so that somebody can look
// at what became of it.
type Pilot struct {
	Size  int
	After time.Duration // the rest follows so long after the pilot; 0: when a person lets it go
}

// Waves are the parts in which a run's mails go, so that a shop is not overrun.
// Exactly one of Permille and Size is set.
type Waves struct {
	Permille int // of the mails that are not in the pilot
	Size     int // mails
	Every    time.Duration
}

// String returns the setting as campaign.yaml has it.
func (p *Pilot) String() string {
	switch {
	case p == nil:
		return ""
	case p.After == 0:
		return fmt.Sprintf("%d, then by hand", p.Size)
	}
	return fmt.Sprintf("%d, then after %s", p.Size, loyalty.Span(p.After))
}

// String returns the setting as campaign.yaml has it.
func (w *Waves) String() string {
	switch {
	case w == nil:
		return ""
	case w.Size > 0:
		return fmt.Sprintf("%d every %s", w.Size, loyalty.Span(w.Every))
	}
	return fmt.Sprintf("%s every %s", share(w.Permille), loyalty.Span(w.Every))
}

// readRollout reads pilot and waves: how a campaign that starts for everybody at
// one time begins small.
func (r *reading) readRollout(c *folder) {
	if n := c.g.get("pilot"); n != nil && r.rollsOut(c, n, "pilot") {
		c.Pilot = r.pilot(r.group(n, pilotPlace))
	}
	if n := c.g.get("waves"); n != nil && r.rollsOut(c, n, "waves") {
		c.Waves = r.waves(r.group(n, wavesPlace))
	}
}

// rollsOut reports whether a campaign mails everybody at one time, coupon or not.
// A timetable does too, but nobody is to be asked every Monday; a flow that does
// not begin with a mail takes each member at their own pace.
func (r *reading) rollsOut(c *folder, n *node, key string) bool {
	switch {
	case c.Start.Kind == "":
		return true // reported already
	case !slices.Contains([]string{"at", "launch"}, c.Start.Kind):
		r.errorAt(n, fmt.Sprintf("%q is for campaigns that mail everybody at one time: those that start with at or launch", key), "leave it out")
		return false
	case len(c.Steps) > 0 && c.Steps[0].Mail == "":
		r.errorAt(n, fmt.Sprintf("%q is for campaigns whose first step is a mail", key), "leave it out, or begin with the mail")
		return false
	}
	return true
}

// most is how many mails a pilot or a wave may have.
const most = 10_000_000

func (r *reading) pilot(g group) *Pilot {
	p := &Pilot{Size: int(r.number(g.must("size", "say how many mails go first, like size: 200"), 1, most))}
	if n := g.get("then"); n != nil {
		p.After, _ = read(r, n, after)
	}
	return p
}

// after reads when the rest follows a pilot: 0 is by hand, which is the default.
func after(s string) (time.Duration, error) {
	if strings.Join(strings.Fields(s), " ") == "by hand" {
		return 0, nil
	}
	if span, ok := strings.CutPrefix(s, "after "); ok {
		if d, err := loyalty.ParseSpan(span); err == nil && d > 0 {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%q does not say when the rest follows: by hand, or after 24h", s)
}

func (r *reading) waves(g group) *Waves {
	w := &Waves{}
	if n := g.must("size", "say how large a wave is, like size: 20% or size: 5000"); n != nil {
		*w, _ = read(r, n, waveSize)
	}
	w.Every = r.span(g.must("every", "say how far apart the waves are, like every: 2h"), 0)
	return w
}

// waveSize reads a share, 20%, or a number of mails.
func waveSize(s string) (Waves, error) {
	wrong := fmt.Errorf("%q is not the size of a wave: a share below 100%% like 20%%, or a number of mails like 5000", s)
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		v, err := loyalty.ParseDecimal(strings.TrimSpace(percent), 1)
		if err != nil || v < 1 || v >= 1000 {
			return Waves{}, wrong
		}
		return Waves{Permille: int(v)}, nil
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > most {
		return Waves{}, wrong
	}
	return Waves{Size: v}, nil
}
