package plot_test

import (
	"cmp"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/plot"
)

var update = flag.Bool("update", false, "write the golden files")

var months = []string{"2027-01", "2027-02", "2027-03", "2027-04"}

func changed(narrow bool) plot.Intervals {
	return plot.Intervals{Title: "What campaigns changed", Says: "In percentage points.", Narrow: narrow, Rows: []plot.Interval{
		{Label: "win-back", Value: 4.2, Low: 1.1, High: 7.4, Text: "+4.2"}, {Label: "a campaign with a very long name that nobody can read whole", Value: -1, Low: -6, High: 3.5, Text: "-1.0, may be chance", Light: true},
		{Label: "odd", Value: math.NaN(), Low: math.Inf(-1), High: math.Inf(1), Text: "nothing"}}}
}

var drawings = []struct {
	name string
	svg  func() string
}{
	{"columns", plot.Columns{Title: "Points by month", Says: "Points earned, redeemed and expired in each month, and how many were left at its end.", Labels: months,
		Up:    []plot.Series{{Name: "earned", Values: []float64{1200, 2400, 1800, 900}}, {Name: "bonus", Values: []float64{0, 150, 150, 0}}},
		Down:  []plot.Series{{Name: "redeemed", Values: []float64{0, 300, 900, 600}}, {Name: "expired", Values: []float64{0, 0, 40, 700}}},
		Lines: []plot.Series{{Name: "left", Values: []float64{1200, 3450, 4460, 4060}}, {Name: "pending", Values: []float64{math.NaN(), 300, 120, 80}, Dashed: true}}}.SVG},
	{"slim_columns", plot.Columns{Title: "A drop, day by day", Says: "How many codes were used by the end of each day.", Labels: novemberDays(90), Up: []plot.Series{{Name: "used", Values: rising(90)}}, Lines: []plot.Series{{Name: "issued", Values: rising(90)}}, Narrow: true}.SVG},
	{"slim_line", plot.Columns{Title: "Members in vip", Says: "How many were inside.", Labels: novemberDays(90), Lines: []plot.Series{{Name: "inside", Values: rising(90)}}, Narrow: true}.SVG},
	{"slim_bars", plot.Bars{Title: "Sales by category", Says: "What was sold, the most first.", Narrow: true, Rows: []plot.Bar{
		{Label: "Coffee", Value: 12345, Text: "12,345.00 EUR"}, {Label: "Gift sets with a very long name that nobody can read whole on a telephone", Value: 4000, Text: "4,000.00 EUR"}, {Label: "Returns", Value: -3, Text: "-3.00 EUR"}, {Label: "others", Value: 900, Text: "900.00 EUR", Light: true}}}.SVG},
	{"slim_heat", plot.Heat{Title: "Codes given", Says: "On each day.", Narrow: true, Across: novemberDays(14), Rows: []plot.HeatRow{{Label: "gift", Beside: "120", Cells: fourteen()}}}.SVG},
	{"below", func() string {
		return plot.Below("The month", "Its pictures.", plot.Bars{Title: "One", Rows: []plot.Bar{{Label: "a", Value: 1, Text: "1"}}}.SVG(), "<svg>not ours</svg>", plot.Columns{Title: "Two"}.SVG())
	}},
	{"single", plot.Columns{Title: "Orders by month", Says: "Paid orders.", Labels: months, Up: []plot.Series{{Name: "orders", Values: []float64{12, 7, 0, 31}}}}.SVG},
	{"days", plot.Columns{Title: "A drop, day by day", Says: "How many codes were used by the end of each day.", Labels: novemberDays(31), Up: []plot.Series{{Name: "used", Values: rising(31)}}}.SVG},
	{"nothing", plot.Columns{Title: "Orders by month", Says: "There are none yet."}.SVG},
	{"bars", plot.Bars{Title: "Sales by category", Says: "What was sold, the most first.", Rows: []plot.Bar{
		{Label: "Coffee", Value: 12345, Text: "12,345.00 EUR"}, {Label: "Gift sets with a very long name that nobody can read whole", Value: 4000, Text: "4,000.00 EUR"}, {Label: "Returns", Value: -3, Text: "-3.00 EUR"}, {Label: "others", Value: 900, Text: "900.00 EUR", Light: true}}}.SVG},
	{"intervals", changed(false).SVG},
	{"slim_intervals", changed(true).SVG},
	{"no_intervals", plot.Intervals{Title: "What campaigns changed", Says: "There are none."}.SVG},
	{"heat", plot.Heat{Title: "Cohorts", Says: "Of the members of each month, who ordered again.", Across: []string{"0", "+1", "+2"}, Rows: []plot.HeatRow{
		{Label: "2027-01", Beside: "120", Cells: []plot.HeatCell{{1, "100", "2027-01: 120"}, {0.42, "42", "+1: 50"}, {0.3, "30", "+2: 36"}}},
		{Label: "2027-02", Beside: "90", Cells: []plot.HeatCell{{1, "100", "2027-02: 90"}, {0.55, "55", "+1: 49"}}}}}.SVG},
	{"flow", plot.Flow{Title: "Where members moved", Says: "Members by tier on two days, and who moved.", From: "2027-01-31", To: "2027-02-28",
		Parts: []plot.FlowPart{{"none", 600, 560}, {"silver", 300, 310}, {"gold", 100, 130}, {"platinum with a name that is far too long", 0, 0}, {"odd", math.NaN(), -3}},
		Moves: []plot.FlowMove{{0, 0, 550}, {0, 1, 50}, {1, 1, 255}, {1, 2, 40}, {1, 0, 5}, {2, 2, 90}, {2, 0, 5}, {2, 1, 5}, {9, 1, 4}, {3, 4, math.Inf(1)}}}.SVG},
	{"slim_flow", plot.Flow{Title: "Stages of members", Says: "Members by stage on two days, and who moved.", From: "2027-01-31", To: "2027-02-28", Narrow: true,
		Parts: []plot.FlowPart{{"recent", 600, 560}, {"needs nurturing", 300, 310}, {"about to lose", 100, 130}},
		Moves: []plot.FlowMove{{0, 0, 550}, {0, 1, 50}, {1, 1, 255}, {1, 2, 40}, {1, 0, 5}, {2, 2, 90}, {2, 0, 5}, {2, 1, 5}}}.SVG},
	{"flow_nobody", plot.Flow{Title: "Where members moved", Says: "There are none.", Parts: []plot.FlowPart{{Name: "none"}}}.SVG},
	{"calendar", plot.Calendar{Title: "Mails on each day", Says: "How many mails go out on each day.", From: time.Date(2027, 1, 28, 0, 0, 0, 0, time.UTC), Days: someDays(63)}.SVG},
	{"slim_calendar", plot.Calendar{Title: "Mails on each day", Says: "How many mails go out on each day.", From: time.Date(2027, 1, 28, 0, 0, 0, 0, time.UTC), Days: someDays(63), Narrow: true}.SVG},
	{"calendar_month", plot.Calendar{Title: "Mails on each day", Says: "There are none.", From: time.Date(2028, 2, 1, 0, 0, 0, 0, time.UTC), Days: make([]plot.CalendarDay, 29)}.SVG},
	{"grid", plot.Grid{Title: "Members by recency and frequency", Says: "How many members have each score.", Across: [3]string{"seldom", "sometimes", "often"}, Down: [3]string{"just now", "a while ago", "long ago"},
		Cells: [3][3]plot.GridCell{{{120, 0.2, []string{"120 (+8)", "20.00"}, "recency 3, frequency 1"}, {90, 0.5, []string{"90 (-4)", "44.00"}, ""}, {310, 1, []string{"310 (+40)", "180.00"}, ""}},
			{{80, 0.1, []string{"80 (+0)"}, ""}, {0, 0, []string{"0 (+0)"}, ""}, {60, 0.7, nil, ""}}, {{400, 0, []string{"400 (-12)"}, ""}, {math.NaN(), math.Inf(1), nil, ""}, {20, 0.9, []string{"20 (+1)"}, ""}}},
		Moves: []plot.GridMove{{[2]int{0, 0}, [2]int{0, 1}, 40, "40"}, {[2]int{0, 1}, [2]int{0, 0}, 8, "8"}, {[2]int{0, 2}, [2]int{1, 2}, 20, "20"}, {[2]int{1, 0}, [2]int{2, 0}, 60, "60"}, {[2]int{0, 2}, [2]int{2, 0}, 30, "30"}, {[2]int{9, 0}, [2]int{0, 0}, 5, ""}, {[2]int{1, 1}, [2]int{1, 1}, 5, ""}}}.SVG},
	{"slim_grid", plot.Grid{Title: "Members by recency and frequency", Says: "How many members have each score.", Across: [3]string{"seldom", "sometimes", "often"}, Down: [3]string{"just now", "a while ago", "long ago"}, Narrow: true,
		Cells: [3][3]plot.GridCell{{{120, 0.2, []string{"120 (+8)", "20.00"}, "recency 3, frequency 1"}, {90, 0.5, []string{"90 (-4)", "44.00"}, ""}, {310, 1, []string{"310 (+40)", "180.00"}, ""}}},
		Moves: []plot.GridMove{{[2]int{0, 0}, [2]int{0, 1}, 40, "40"}, {[2]int{0, 1}, [2]int{0, 0}, 8, "8"}, {[2]int{0, 2}, [2]int{1, 2}, 20, "20"}, {[2]int{1, 0}, [2]int{2, 0}, 60, "60"}, {[2]int{0, 2}, [2]int{2, 0}, 30, "30"}}}.SVG},
	{"spark", plot.Spark{Says: "from 120 to 140 in 6 days", Values: []float64{120, 118, math.NaN(), 131, 140, 140}}.SVG},
	{"hostile", plot.Bars{Title: "<script>alert(1)</script>", Says: `"&'` + "\x00\xff", Rows: []plot.Bar{{Label: "</text><image href=x>", Value: math.Inf(1), Text: "\u202e]]>"}}}.SVG},
}

// fourteen are cells of as many days.
func fourteen() (cells []plot.HeatCell) {
	for i := range 14 {
		cells = append(cells, plot.HeatCell{Share: float64(i) / 14, Text: fmt.Sprint(i), Title: fmt.Sprint("day ", i)})
	}
	return cells
}

// novemberDays are so many days up to 30 November, as a drop has them.
func novemberDays(n int) (days []string) {
	for i := range n {
		days = append(days, time.Date(2026, 11, 31-n+i, 0, 0, 0, 0, time.UTC).Format("2 Jan"))
	}
	return days
}

func rising(n int) (values []float64) {
	for i := range n {
		values = append(values, float64(i*7))
	}
	return values
}

// someDays are days of which most have mails.
func someDays(n int) (days []plot.CalendarDay) {
	for i := range n {
		days = append(days, plot.CalendarDay{Value: float64(i % 7 * i * 37), Title: fmt.Sprintf("day %d", i)})
	}
	return append(days, plot.CalendarDay{Value: math.NaN(), Title: "none"})
}

func TestDrawingsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, d := range drawings {
		got := d.svg()
		file := filepath.Join("testdata", d.name+".svg")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is drawn otherwise: look at it, then -update", d.name)
		}
		if wrong := amiss(got); wrong != "" {
			t.Errorf("%s: %s", d.name, wrong)
		}
	}
}

// amiss is what keeps a drawing from a page of ours: not XML, an element or attribute that
// does more than draw, or a place that is no number.
func amiss(svg string) string {
	elements := map[string]bool{"svg": true, "title": true, "desc": true, "text": true, "rect": true, "line": true, "polyline": true, "g": true}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return ""
		}
		if err != nil {
			return err.Error()
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !elements[start.Name.Local] {
			return "an element " + start.Name.Local
		}
		for _, a := range start.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" || a.Name.Local != "aria-label" && strings.ContainsAny(a.Value, "<>") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				return fmt.Sprintf("an attribute %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}

func TestCountsAreShort(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 7: "7", 0.5: "0.5", 950: "950", 1000: "1k", 12345: "12.3k", 3_400_000: "3.4M", -2500: "-2.5k", 7e9: "7G"} {
		if got := plot.Count(v); got != want {
			t.Errorf("Count(%v) = %q, want %q", v, got, want)
		}
	}
}

func FuzzDrawings(f *testing.F) {
	f.Add("Coffee", "what was sold", 12.5, -3.0)
	f.Add("<b>&\x00", "\u202e", math.Inf(1), math.NaN())
	f.Add("", "", 1e-300, 1e300)
	f.Fuzz(func(t *testing.T, name, says string, v, w float64) {
		for _, svg := range []string{
			plot.Columns{Title: name, Says: says, Labels: []string{name, says}, Up: []plot.Series{{Name: name, Values: []float64{v, w}}}, Lines: []plot.Series{{Name: says, Values: []float64{w, v}}}}.SVG(),
			plot.Bars{Title: name, Says: says, Rows: []plot.Bar{{Label: name, Value: v, Text: says}, {Label: says, Value: w, Text: name}}}.SVG(),
			plot.Flow{Title: name, Says: says, From: says, To: name, Parts: []plot.FlowPart{{name, v, w}, {says, w, v}}, Moves: []plot.FlowMove{{0, 1, v}, {1, 0, w}}}.SVG(),
			plot.Heat{Title: name, Says: says, Across: []string{name}, Rows: []plot.HeatRow{{Label: says, Beside: name, Cells: []plot.HeatCell{{v, name, says}, {w, says, name}}}}}.SVG(),
			plot.Grid{Title: name, Says: says, Cells: [3][3]plot.GridCell{{{v, w, []string{name}, says}}}, Moves: []plot.GridMove{{[2]int{0, 0}, [2]int{0, 1}, v, name}, {[2]int{0, 1}, [2]int{2, 2}, w, says}}}.SVG(),
			"<svg>" + plot.Spark{Says: name, Values: []float64{v, w, 1}}.SVG() + "</svg>",
			plot.Calendar{Title: name, Says: says, From: time.Unix(int64(len(name))*1e8, 0), Days: []plot.CalendarDay{{v, says}, {w, name}}}.SVG(),
		} {
			if wrong := amiss(svg); wrong != "" {
				t.Errorf("%s in %s", wrong, svg)
			}
		}
	})
}

// Labels of an axis never touch, however many there are and however long, the last one is
// among them, and none reaches over the edge.
func TestLabelsOfAnAxisDoNotTouch(t *testing.T) {
	t.Parallel()
	first := time.Date(2027, 10, 28, 0, 0, 0, 0, time.UTC)
	for _, layout := range []string{"2", "2 Jan", "2006-01", "2006-01-02"} {
		for n := 1; n <= 130; n++ {
			c, h := plot.Columns{Title: "Days", Lines: []plot.Series{{Name: "mails", Values: make([]float64, n)}}}, plot.Heat{Title: "Days"}
			for day := range n {
				label := first.AddDate(0, 0, day).Format(layout)
				c.Labels, h.Across = append(c.Labels, label), append(h.Across, label)
			}
			days := placed(t, c.SVG(), 272)
			if wrong := touching(days); wrong != "" || days[len(days)-1].words != c.Labels[n-1] {
				t.Errorf("%d columns: %s; the last says %q, want %q", n, wrong, days[len(days)-1].words, c.Labels[n-1])
			}
			if wrong := touching(placed(t, h.SVG(), 38)); wrong != "" {
				t.Errorf("a heat map of %d columns: %s", n, wrong)
			}
		}
	}
}

// label is a text of a drawing, and where it stands.
type label struct {
	words      string
	from, upTo float64
}

// placed are the texts of a drawing that stand on a line, from the left.
func placed(t *testing.T, svg string, line float64) (all []label) {
	t.Helper()
	for _, m := range regexp.MustCompile(`<text x="([0-9.-]+)" y="([0-9.-]+)" text-anchor="(\w+)">([^<]+)`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.ParseFloat(m[1], 64)
		y, _ := strconv.ParseFloat(m[2], 64)
		width := 6.6 * float64(len(m[4]))
		switch from := x - width; {
		case math.Abs(y-line) > 1e-9:
		case m[3] == "end":
			all = append(all, label{m[4], from, x})
		default:
			all = append(all, label{m[4], x - width/2, x + width/2})
		}
	}
	slices.SortFunc(all, func(a, b label) int { return cmp.Compare(a.from, b.from) })
	if len(all) == 0 {
		t.Fatalf("no text stands at %v in %s", line, svg)
	}
	return all
}

// touching says which two texts touch, or which one reaches over the edge.
func touching(all []label) string {
	for i, one := range all {
		if one.upTo > plot.Width+0.1 {
			return fmt.Sprintf("%q ends at %.1f", one.words, one.upTo)
		}
		if i > 0 && one.from-all[i-1].upTo < 4 {
			return fmt.Sprintf("%q and %q touch", all[i-1].words, one.words)
		}
	}
	return ""
}
