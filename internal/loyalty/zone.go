package loyalty

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// zones are the zones of IANA that people live in, one a line: for suggestions
// only. What a zone means, the time package knows.
//
//go:embed zones.txt
var zones string

// ParseZone reads the name of an IANA time zone. The error names the zone that
// was probably meant.
func ParseZone(name string) (*time.Location, error) {
	z, err := time.LoadLocation(name)
	if err == nil && name != "" && name != "Local" {
		return z, nil
	}
	if near := NearestZone(name); near != "" {
		return nil, fmt.Errorf("%q is not a time zone; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("%q is not a time zone like Europe/Helsinki, America/New_York or UTC", name)
}

// NearestZone finds the zone of a city, or the one whose name is near.
func NearestZone(name string) string {
	all := strings.Fields(zones)
	asked := city(name)
	cities := make([]string, len(all))
	for i, zone := range all {
		if cities[i] = city(zone); asked != "" && cities[i] == asked {
			return zone
		}
	}
	if near := Nearest(name, all); near != "" {
		return near
	}
	if near := Nearest(asked, cities); near != "" && len(asked) > 4 {
		return all[slices.Index(cities, near)]
	}
	return ""
}

// city is the last part of a zone's name, as people may write it.
func city(zone string) string {
	zone = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(zone), " ", "_"))
	return zone[strings.LastIndexByte(zone, '/')+1:]
}

// ZoneNamed returns the IANA name of the zone that a person means: by that name in
// any case, by its city where only one zone has it, by an offset in whole hours,
// or by what its clocks are called.
func ZoneNamed(text string) (string, error) {
	name := strings.TrimSpace(text)
	if _, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
		return name, nil
	}
	folded := strings.ToLower(strings.Join(strings.Fields(name), "_"))
	if zone := calledZones[strings.ReplaceAll(folded, "_", " ")]; zone != "" {
		return zone, nil
	}
	if found := wholeHours.FindStringSubmatch(folded); found != nil {
		return etc(found[1], found[2])
	}
	var found []string
	for _, zone := range strings.Fields(zones) {
		if lower := strings.ToLower(zone); lower == folded || city(zone) == folded && !strings.Contains(folded, "/") {
			found = append(found, zone)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%q is not a time zone like Europe/Helsinki, America/New_York or UTC", text)
	}
	return found[0], nil
}

var wholeHours = regexp.MustCompile(`^(?:utc|gmt)?_?([+-])0?(\d{1,2})(?::?00)?$`)

// etc returns the zone that is so many hours from UTC; by old custom its name has
// the sign turned round.
func etc(sign, hours string) (string, error) {
	n, err := strconv.Atoi(hours)
	switch {
	case err != nil || n > 14 || n > 12 && sign == "-":
		return "", fmt.Errorf("%s%s:00 is not the offset of any zone", sign, hours)
	case n == 0:
		return "UTC", nil
	}
	return fmt.Sprintf("Etc/GMT%s%d", map[string]string{"+": "-", "-": "+"}[sign], n), nil
}

// calledZones are what people and Windows call the clocks of the larger zones.
var calledZones = map[string]string{
	"coordinated universal time": "UTC", "greenwich mean time": "Europe/London", "gmt standard time": "Europe/London", "british time": "Europe/London", "uk time": "Europe/London",
	"western european time": "Europe/Lisbon", "central european time": "Europe/Paris", "central european summer time": "Europe/Paris", "cest": "Europe/Paris",
	"central europe standard time": "Europe/Budapest", "central european standard time": "Europe/Warsaw", "w. europe standard time": "Europe/Berlin", "romance standard time": "Europe/Paris",
	"eastern european time": "Europe/Helsinki", "eastern european summer time": "Europe/Helsinki", "eest": "Europe/Helsinki", "fle standard time": "Europe/Kyiv", "gtb standard time": "Europe/Bucharest",
	"moscow time": "Europe/Moscow", "russian standard time": "Europe/Moscow", "turkey standard time": "Europe/Istanbul",
	"eastern time": "America/New_York", "eastern time (us & canada)": "America/New_York", "eastern standard time": "America/New_York", "eastern daylight time": "America/New_York",
	"central time": "America/Chicago", "central time (us & canada)": "America/Chicago", "central standard time": "America/Chicago", "central daylight time": "America/Chicago",
	"mountain time": "America/Denver", "mountain time (us & canada)": "America/Denver", "mountain standard time": "America/Denver", "mountain daylight time": "America/Denver",
	"pacific time": "America/Los_Angeles", "pacific time (us & canada)": "America/Los_Angeles", "pacific standard time": "America/Los_Angeles", "pacific daylight time": "America/Los_Angeles",
	"alaska time": "America/Anchorage", "hawaii time": "Pacific/Honolulu", "atlantic time": "America/Halifax", "atlantic time (canada)": "America/Halifax",
	"brasilia time": "America/Sao_Paulo", "india standard time": "Asia/Kolkata", "china standard time": "Asia/Shanghai", "japan standard time": "Asia/Tokyo", "tokyo standard time": "Asia/Tokyo",
	"korea standard time": "Asia/Seoul", "singapore standard time": "Asia/Singapore", "aus eastern standard time": "Australia/Sydney", "new zealand standard time": "Pacific/Auckland",
}
