package phone

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"regulars/internal/store/storetest/watched"
)

var update = flag.Bool("update", false, "write plans.txt anew")

// What we know of each country is what the library knows.
func TestPlans(t *testing.T) {
	t.Parallel()
	want := libraryPlans(t)
	if *update {
		if err := os.WriteFile("plans.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if planList != want {
		t.Error("plans.txt is not what the library has: go test ./internal/phone -run TestPlans -update, and read what changed")
	}
}

func libraryPlans(t *testing.T) string {
	t.Helper()
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	type key struct {
		region string
		code   int32
	}
	of := map[key]*phonenumbers.PhoneMetadata{}
	codes := map[int]bool{}
	for _, m := range all.GetMetadata() {
		of[key{m.GetId(), m.GetCountryCode()}] = m
		codes[int(m.GetCountryCode())] = true
	}
	lengths := func(all []int32) string { return strings.Trim(fmt.Sprint(all), "[]") }
	var lines strings.Builder
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		for _, region := range phonenumbers.GetRegionCodesForCountryCode(code) {
			m := of[key{region, int32(code)}]
			d := m.GetGeneralDesc()
			fmt.Fprintf(&lines, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", region, code, m.GetInternationalPrefix(), m.GetNationalPrefixForParsing(),
				m.GetNationalPrefixTransformRule(), lengths(d.GetPossibleLength()), lengths(d.GetPossibleLengthLocalOnly()), d.GetNationalNumberPattern())
		}
	}
	return lines.String()
}

// byLibrary is Read as the library reads.
func byLibrary(number, country string) string {
	text := strings.TrimSpace(number)
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("+0123456789", r) {
			return r
		}
		return -1
	}, text)
	tries := []string{text}
	if rest, abroad := strings.CutPrefix(digits, "00"); abroad {
		tries = append(tries, "+"+rest)
	}
	for _, t := range tries {
		if n, err := phonenumbers.Parse(t, country); err == nil && phonenumbers.IsPossibleNumber(n) && n.GetExtension() == "" {
			return phonenumbers.Format(n, phonenumbers.E164)
		}
	}
	return digits
}

// Numbers of all countries, written in many ways there, at home and elsewhere, are
// what the library makes of them.
func TestNumbersOfAllCountries(t *testing.T) {
	t.Parallel()
	watched.Skip(t)
	read := 0
	for country := range phonenumbers.GetSupportedRegions() {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE} {
			n := phonenumbers.GetExampleNumberForType(country, kind)
			if n == nil {
				continue
			}
			for _, where := range []string{country, "FI", "US", "IT", "AR", ""} {
				for _, text := range ways(n, where) {
					got, want := Read(text, where), byLibrary(text, where)
					if got != want {
						t.Errorf("Read(%q, %q) = %q, want %q", text, where, got, want)
					}
					if again := Read(got, where); strings.HasPrefix(got, "+") && again != byLibrary(got, where) {
						t.Errorf("Read(%q, %q) = %q after %q", got, where, again, text)
					}
					read++
				}
			}
		}
	}
	if read < 20_000 {
		t.Errorf("%d numbers were read, want those of all countries", read)
	}
}

// ways returns how a number is written, rightly and wrongly.
func ways(n *phonenumbers.PhoneNumber, where string) []string {
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	national := phonenumbers.Format(n, phonenumbers.NATIONAL)
	bare := phonenumbers.GetNationalSignificantNumber(n)
	all := []string{e164, national, bare, phonenumbers.Format(n, phonenumbers.INTERNATIONAL), phonenumbers.Format(n, phonenumbers.RFC3966),
		"00" + e164[1:], "+00" + e164[1:], "011" + e164[1:], "+" + bare, "0" + bare, "1" + bare, "8" + bare, e164[1:], e164 + "7", e164[:len(e164)-1], e164[:len(e164)-3], bare + "77", bare[2:], bare[:len(bare)-2],
		"+ (0)" + e164[1:], "tel " + national, national + " x12", national + " ext. 12", bare + "abc", bare + "a", national + ";ext=4", bare + " / " + bare}
	if i := int(n.GetCountryCode()); i > 0 {
		all = append(all, fmt.Sprintf("+%d (0)%s", i, bare), fmt.Sprintf("+%d %s", i, national), fmt.Sprintf("%d%s", i, national))
	}
	if where != "" {
		all = append(all, phonenumbers.FormatOutOfCountryCallingNumber(n, where))
	}
	return all
}
