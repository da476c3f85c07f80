package runs

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/versions"
	"regulars/segments"
)

// Mistake says what is wrong with a launch, in words for the person who did it.
type Mistake struct{ Text string }

func (m *Mistake) Error() string { return m.Text }

// ReadValues reads the values that a campaign is launched with: as rules and mails take
// them, or a *Mistake.
func ReadValues(c *versions.Campaign, given map[string]string, currency string) (map[string]any, error) {
	values := map[string]any{}
	names := slices.Sorted(maps.Keys(c.Start.Launch))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := c.Start.Launch[name]; !known {
			return nil, &Mistake{fmt.Sprintf("%s has no value %q; it takes %s", c.Name, name, orNothing(names))}
		}
	}
	for _, name := range names {
		text, ok := given[name]
		if !ok {
			return nil, &Mistake{fmt.Sprintf("%s needs a value for %s: %s=…", c.Name, name, name)}
		}
		v, err := launchValue(text, c.Start.Launch[name], slices.Contains(c.Start.Links, name), currency)
		if err != nil {
			return nil, &Mistake{fmt.Sprintf("%s=%s: %s", name, text, err)}
		}
		values[name] = v
	}
	return values, nil
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// listOf reads a list: its items with commas between them, blanks around them left
// out.
func listOf(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return []string{}, nil
	}
	list := strings.Split(text, ",")
	for i, item := range list {
		if list[i] = strings.TrimSpace(item); list[i] == "" {
			return nil, errors.New("an item of the list is empty: it is like a, b, c")
		}
	}
	return list, nil
}

// launchValue reads one value as rules and mails take it. A date stays text.
func launchValue(text string, t segments.Type, link bool, currency string) (any, error) {
	switch t {
	case segments.Money:
		return loyalty.ParseMoney(text, currency)
	case segments.Number:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, errors.New("it is not a number")
		}
		return n, nil
	case segments.Date:
		d, err := loyalty.ParseDay(text)
		return d.String(), err
	case segments.List:
		return listOf(text)
	}
	if link {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("it is not a web address like https://shop.example")
		}
	}
	return text, nil
}
