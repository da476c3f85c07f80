package loyalty

import (
	_ "embed"
	"fmt"
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
	if near := nearestZone(name); near != "" {
		return nil, fmt.Errorf("%q is not a time zone; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("%q is not a time zone like Europe/Helsinki, America/New_York or UTC", name)
}

// nearestZone finds the zone of a city, or the one whose name is near.
func nearestZone(name string) string {
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
	near := Nearest(asked, cities)
	for i, c := range cities {
		if near != "" && c == near && len(asked) > 4 {
			return all[i]
		}
	}
	return ""
}

// city is the last part of a zone's name, as people may write it.
func city(zone string) string {
	zone = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(zone), " ", "_"))
	return zone[strings.LastIndexByte(zone, '/')+1:]
}
