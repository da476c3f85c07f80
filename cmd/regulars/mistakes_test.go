package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// openShop is a shop of three members with the starter live; it returns the
// program's directory and a folder with files.
func openShop(t *testing.T, s shop) (program, folder string) {
	t.Helper()
	folder = t.TempDir()
	program = filepath.Join(folder, "program")
	s.must("init", program)
	for _, name := range []string{"coupon-drop", "win-back"} {
		edit(t, filepath.Join(program, "campaigns", name, "campaign.yaml"), "\nstart:", "\nlive: true\nstart:")
	}
	edit(t, filepath.Join(program, "campaigns/coupon-drop/campaign.yaml"), "for:    regulars\n", "quiet: off\n")
	file(t, folder, "members.csv", "\ufeffmember,email,first_name\r\n001,ana@example.test,Ana\r\n002,bo@example.test,Bo\r\n003,cy@example.test,Cy\r\n")
	file(t, folder, "orders.csv", "order,member,at,total\nO-1,001,2026-01-02,10.00\n")
	s.must("apply", program)
	s.must("import", "members", filepath.Join(folder, "members.csv"), "--consent", "offers", "--consent-source", "till", "--consent-at", "2026-01-01")
	s.must("import", "orders", filepath.Join(folder, "orders.csv"))
	return program, folder
}

func file(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mistake is a slip at the command line and what is answered.
type mistake struct {
	args string // separated by blanks
	code int
	says string
}

func (s shop) answers(t *testing.T, cases []mistake) {
	t.Helper()
	for _, tt := range cases {
		got := s.run(strings.Fields(tt.args)...)
		if got.code != tt.code || !strings.Contains(got.err, tt.says) {
			t.Errorf("regulars %s: exit %d, %q, want exit %d and %q", tt.args, got.code, got.err, tt.code, tt.says)
		}
	}
}

// Wrong usage needs no database: it is answered before one is looked for.
func TestWrongUsageSaysWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "none.db")}}.answers(t, []mistake{
		{"check", misuse, "check needs DIR: regulars check DIR"},
		{"check a b", misuse, `"b" is one too many: regulars check DIR`},
		{"import members", misuse, "import needs FILE.csv[.gz]"},
		{"campaign launch", misuse, "launch needs NAME"},
		{"enqueue", misuse, "enqueue needs KIND"},
		{"versions x", misuse, `"x" is one too many`},
		{"check x --jsn", misuse, "did you mean --json?"},
		{"import members x --dryrun", misuse, "did you mean --dry-run?"},
		{"segment count orders>1 --att 2026-01-01", misuse, "did you mean --at?"},
		{"pool generate win-back -5", misuse, `"-5" is not a number`},
		{"jobs lst", misuse, `did you mean "list"?`},
		{"member mrege 1 2", misuse, `did you mean "merge"?`},
		{"check x -h", 0, ""},
		{"chek", misuse, "Try: regulars --help"},
		{"jobs lst", misuse, "Try: regulars jobs --help"},
		{"check", misuse, "Try: regulars check --help"},

		{"enqueue lanch", misuse, `there is no job "lanch"; did you mean "launch"?`},
		{"enqueue launch", misuse, "launch needs campaign=…"},
		{"enqueue launch campain=x", misuse, "launch needs campaign=…"},
		{"enqueue generate pool=x count=five", misuse, "a number from 1 to"},
		{"enqueue generate pool=x count=5 colour=red", misuse, "generate knows no colour"},
		{"enqueue launch campaign", misuse, `"campaign" should be key=value`},
		{"enqueue launch campaign=x --in 2days", misuse, `--in: "2days" is not a length of time like 90m, 36h or 7d`},
		{"enqueue launch campaign=x --in -2h", misuse, "--in"},
		{"enqueue launch campaign=x --in 2h --at 2027-01-01", misuse, "--at or --in, not both"},
		{"enqueue launch campaign=x --at garbage", misuse, `--at: "garbage" is not a time like 2027-06-21T09:00`},
		{"enqueue launch campaign=x --at 21.6.2027", misuse, `"21.6.2027" is not a time like`},

		{"campaign launch x --limit 0", misuse, "--limit takes a number of mails from 1 on"},
		{"campaign launch x --limit -4", misuse, "--limit takes a number of mails from 1 on"},
		{"campaign launch x --limit ten", misuse, `--limit takes a whole number, not "ten"`},
		{"sends list --state snt", misuse, `there is no state "snt"; did you mean "sent"?`},
		{"sends list --limit -1", misuse, "--limit takes a number from 1 on"},
		{"jobs list --state quued", misuse, `did you mean "queued"?`},
		{"jobs list --limit 0", misuse, "--limit takes a number from 1 on"},
		{"doctor --since 24", misuse, `--since: "24" is not a length of time like 90m, 36h or 7d`},
		{"member topics 001 --yes offers --no offers", misuse, "offers cannot be both"},
		{"token create till", misuse, "--scope"},
		{"token create till --scope red", misuse, `there is no scope "red"; did you mean "read"?`},
		{"import member x.csv", misuse, `did you mean "members"?`},
		{"import members x.csv --zone Europe/Helsinky", misuse, "did you mean Europe/Helsinki?"},
		{"report campains", misuse, `did you mean "campaigns"?`},
		{"rehearse x", misuse, "rehearse needs --from and --to"},
		{"release --offers --texts new", misuse, "--texts takes latest or kept"},
		{"hooks url standrd", misuse, `did you mean "standard"?`},
		{"hooks test shopfy", misuse, `did you mean "shopify"?`},
		{"hooks test shopify", misuse, "HOOK_SECRET_SHOPIFY is not set here"},
		{"hooks show x", misuse, "a delivery"},

		{"bench codes --members 3", misuse, "bench codes takes 100 to 10,000,000 members"},
		{"bench code", misuse, `did you mean "codes"?`},
		{"doctor --after-restore tomorrow", misuse, "--after-restore takes the moment of the copy"},
	})
}

func TestAMissingFileMakesNoDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	db := filepath.Join(folder, "none.db")
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + db}}
	s.answers(t, []mistake{
		{"import members " + filepath.Join(folder, "membrs.csv"), failed, "no such file"},
		{"import members " + folder, failed, "is a folder, not a file"},
		{"apply " + folder, failed, "program.yaml: the file is missing"},
	})
	if _, err := os.Stat(db); err == nil {
		t.Error("a file was made")
	}
}

func TestWhatIsNotThereIsNamedWithWhatIs(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		program, folder := openShop(t, s)
		s.answers(t, []mistake{
			{"campaign launch coupon-dop headline=x", failed, `there is no campaign "coupon-dop"; did you mean "coupon-drop"?`},
			{"campaign show win-bak", failed, `did you mean "win-back"?`},
			{"campaign status win-bak", failed, `did you mean "win-back"?`},
			{"campaign preview win-bak --as 001", failed, `did you mean "win-back"?`},
			{"member why 001 win-bak", failed, `did you mean "win-back"?`},
			{"hold win-bak --because x", failed, `did you mean "win-back"?`},
			{"pool status win-bck", failed, `there is no pool "win-bck"; did you mean "win-back"?`},
			{"pool export win-bck", failed, `did you mean "win-back"?`},
			{"pool recall win-bck", failed, `did you mean "win-back"?`},
			{"pool import win-back " + filepath.Join(folder, "members.csv"), failed, "pool win-back is generated"},
			{"enqueue launch campaign=coupon-dop headline=x", failed, `did you mean "coupon-drop"?`},
			{"enqueue launch campaign=coupon-drop headlin=x", failed, `coupon-drop has no value "headlin"; it takes headline`},
			{"enqueue launch campaign=coupon-drop", failed, "coupon-drop needs a value for headline"},
			{"enqueue launch campaign=welcome", failed, "starts by itself"},
			{"enqueue drop campaign=coupon-dop headline=x", failed, `did you mean "coupon-drop"?`},
			{"enqueue refresh segment=vpi", failed, `there is no segment "vpi"; did you mean "vip"?`},
			{"enqueue generate pool=win-bck count=5", failed, `did you mean "win-back"?`},
			{"enqueue test campaign=welcom to=a@example.test as=001", failed, `did you mean "welcome"?`},
			{"enqueue test campaign=welcome mail=1-welcom to=a@example.test as=001", failed, "1-welcome"},
			{"enqueue test campaign=welcome to=a@example.test as=nobody", failed, "no such member"},
			{"enqueue launch campaign=coupon-drop headline=x --at 2020-01-01", misuse, "is past"},
			{"rollback 99", failed, "there is no version 99"},
			{"export " + folder + "/x --version 99", failed, "there is no version 99"},
			{"runs show 99", failed, "there is no run 99"},
			{"jobs show 99", failed, "there is no job 99"},
			{"sends show 99", failed, "there is no send 99"},
			{"sends list --run 99", failed, "there is no run 99"},
			{"coupon show NOPE", failed, "there is no code NOPE"},
			{"coupon void NOPE", failed, "there is no code NOPE"},
			{"coupon redeem NOPE", failed, "there is no code NOPE"},
			{"token revoke till", failed, `there is no token "till"`},
			{"member show nobody", failed, `there is no member "nobody"`},
			{"segment moves vpi", failed, ""},
			{"init " + program, failed, "other files"},
		})
		if out := s.must("jobs", "list", "--json"); strings.TrimSpace(out) != "[]" {
			t.Errorf("refused jobs are queued: %s", out)
		}
	})
}

// snake is how the fields of all JSON are written.
var snake = regexp.MustCompile(`^[a-z0-9_]+$`)

func TestEveryCommandSpeaksJSON(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		program, folder := openShop(t, s)
		edit(t, filepath.Join(program, "pools.yaml"), "birthday:", "summer: {kind: imported, amount: 5.00}\nbirthday:")
		codes := file(t, folder, "codes.txt", "\ufeffSUN-1\r\n\r\nSUN-2\r\nSUN 3 !\r\nSUN-1\r\n")
		for _, args := range [][]string{
			{"init", filepath.Join(folder, "new")}, {"check", program}, {"plan", program}, {"apply", program}, {"export", filepath.Join(folder, "back")}, {"versions"},
			{"rollback", "1"}, {"rollback", "2"}, {"pool", "import", "summer", codes}, {"pool", "generate", "win-back", "2"}, {"pool", "list"}, {"pool", "status", "summer"}, {"pool", "export", "summer"},
			{"campaign", "launch", "coupon-drop", "headline=x", "--yes"}, {"campaign", "list"}, {"campaign", "status", "coupon-drop"},
			{"campaign", "preview", "welcome", "--as", "001"}, {"campaign", "send-test", "welcome", "--as", "001", "--to", "me@example.test"},
			{"runs", "list"}, {"runs", "show", "1"}, {"runs", "pause", "1"}, {"runs", "resume", "1"}, {"runs", "cancel", "1"}, {"sends", "list"}, {"sends", "show", "1"},
			{"enqueue", "refresh", "segment=vip"}, {"enqueue", "launch", "campaign=coupon-drop", "headline=y", "--in", "2d"}, {"jobs", "list"}, {"jobs", "show", "1"}, {"jobs", "cancel", "1"}, {"jobs", "retry", "1"},
			{"coupon", "show", "SUN-1"}, {"coupon", "void", "SUN-1"}, {"pool", "recall", "summer"},
			{"member", "find", "an"}, {"member", "show", "001"}, {"member", "topics", "001"}, {"member", "suppress", "001"}, {"member", "unsuppress", "001"}, {"member", "why", "001", "win-back"},
			{"token", "create", "till", "--scope", "read"}, {"token", "list"}, {"token", "revoke", "till"}, {"hooks", "url", "standard"}, {"hooks", "url", "shopify"}, {"hooks", "list"},
			{"segment", "list"}, {"segment", "count", "vip"}, {"segment", "members", "vip"}, {"segment", "explain", "vip"}, {"segment", "moves", "vip"},
			{"hold", "--offers", "--because", "x"}, {"release", "--offers"}, {"report", "list"}, {"report", "campaigns"}, {"report", "orders"}, {"report", "pools"},
			{"migrate", "--check"}, {"doctor"}, {"import", "orders", filepath.Join(folder, "orders.csv")}, {"version"},
		} {
			var v any
			var out string
			if args[0] == "doctor" { // it may find that nobody works here
				out = s.run("doctor", "--json").out
			} else {
				out = s.must(append(args, "--json")...)
			}
			if json.Unmarshal([]byte(out), &v) != nil {
				t.Errorf("regulars %v --json printed no JSON: %q", args, out)
			}
			for _, key := range oddKeys(v) {
				if args[0] != "campaign" || args[1] != "show" {
					t.Errorf("regulars %v --json has the field %q, which is not written like_this", args, key)
				}
			}
		}
	})
}

// oddKeys returns the names of fields that are not snake case.
func oddKeys(v any) (odd []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			odd = append(odd, oddKeys(one)...)
		}
	case map[string]any:
		for key, value := range v {
			if !snake.MatchString(key) && !slices.Contains(odd, key) {
				odd = append(odd, key)
			}
			odd = append(odd, oddKeys(value)...)
		}
	}
	return odd
}

func TestPeopleReadTheShopsTime(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		openShop(t, s)
		s.must("campaign", "launch", "coupon-drop", "headline=x", "--yes")
		s.must("enqueue", "refresh")
		s.must("token", "create", "till", "--scope", "read")
		zone := time.Now().In(mustZone(t, "Europe/Helsinki")).Format("MST")
		for _, args := range []string{"versions", "runs list", "jobs list", "jobs show 1", "member show 001", "member topics 001", "token list", "status"} {
			got := s.run(strings.Fields(args)...)
			if strings.Contains(got.out, " UTC") || !strings.Contains(got.out, zone) && !strings.Contains(got.out, "EET") {
				t.Errorf("regulars %s speaks of another zone than the shop's:\n%s%s", args, got.out, got.err)
			}
		}
	})
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestALaunchSaysWhatItCostsAndAsks(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		yesterday := time.Now().Add(-24 * time.Hour) // and no midnight comes between two launches of the day
		s.clock = func() time.Time { return yesterday }
		program, _ := openShop(t, s)
		edit(t, filepath.Join(program, "pools.yaml"), "percent: 20", "amount: 5.00")
		s.must("apply", program)
		launch := []string{"campaign", "launch", "coupon-drop", "headline=x"}
		got := s.run(launch...)
		for _, want := range []string{"3 members will be mailed", "3 codes of pool drop", "15.00 EUR at most"} {
			if !strings.Contains(got.out, want) {
				t.Errorf("launch does not say %q:\n%s", want, got.out)
			}
		}
		if got.code != failed || !strings.Contains(got.err, "--yes starts it without asking") {
			t.Errorf("a launch that nobody confirmed: exit %d, %q", got.code, got.err)
		}
		if out := s.must(append(launch, "--yes", "--key", "k")...); !strings.Contains(out, "Run 1 has begun") || !strings.Contains(out, "as many as needed are made") {
			t.Errorf("a launch says %q", out)
		}
		if out := s.must(append(launch, "--yes", "--key", "k")...); !strings.Contains(out, "Run 1 was begun before under this key") {
			t.Errorf("a second launch with its key says %q", out)
		}
		if got := s.run(append(launch, "--yes")...); got.code != 0 {
			t.Errorf("another launch of the day: exit %d, %q", got.code, got.err)
		}
		if got := s.run(append(launch, "--yes")...); got.code != failed || !strings.Contains(got.err, "--key") {
			t.Errorf("a third one: exit %d, %q, want --key", got.code, got.err)
		}
		out := s.must("campaign", "list")
		for _, want := range []string{"when somebody launches it", "when a member enters lapsed at 10:00", "when a member reaches 5 and 10 orders, then every 10"} {
			if !strings.Contains(out, want) {
				t.Errorf("campaign list does not say %q:\n%s", want, out)
			}
		}
	})
}

func TestACodeIsGivenByHandOnce(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		openShop(t, s)
		give := []string{"coupon", "give", "001", "drop"}
		if got := s.run(give...); got.code == 0 || !strings.Contains(got.err, "say why") {
			t.Errorf("without a reason: exit %d, %q", got.code, got.err)
		}
		give = append(give, "--because", "the parcel was late", "--key", "ticket 7")
		out := s.must(give...)
		code, _, _ := strings.Cut(out, " ")
		if !strings.Contains(out, "is given to 001") {
			t.Errorf("coupon give says %q", out)
		}
		if again := s.must(give...); !strings.HasPrefix(again, code+" ") || !strings.Contains(again, "was given already by that key") {
			t.Errorf("the same key again says %q, want %s", again, code)
		}
		if out := s.must("coupon", "show", code); !strings.Contains(out, "001") || !strings.Contains(out, "good") {
			t.Errorf("coupon show says %q", out)
		}
		if got := s.run("coupon", "give", "001", "dorp", "--because", "x"); got.code == 0 || !strings.Contains(got.err, "dorp") {
			t.Errorf("a pool that is not there: exit %d, %q", got.code, got.err)
		}
	})
}

func TestACodeIsShownWithItsMember(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		openShop(t, s)
		s.must("campaign", "launch", "coupon-drop", "headline=x", "--yes")
		var code string
		whose := map[string]bool{}
		for code = range strings.Lines(s.must("pool", "export", "drop")) { // as they lie, which no member decides
			code = strings.TrimSpace(code)
			out := s.must("coupon", "show", strings.ToLower(code))
			_, rest, found := strings.Cut(out, "pool drop, member ")
			if !found || !strings.HasPrefix(out, code+": good") {
				t.Fatalf("coupon show says %q", out)
			}
			whose[strings.SplitN(rest, ",", 2)[0]] = true
		}
		if !maps.Equal(whose, map[string]bool{"001": true, "002": true, "003": true}) {
			t.Errorf("the codes of the drop are shown as those of %v", whose)
		}
		s.must("coupon", "redeem", code, "--order", "O-1")
		if got := s.run("coupon", "redeem", code); got.code != failed || !strings.Contains(got.err, code+" is refused: already used") {
			t.Errorf("a second redemption: exit %d, %q", got.code, got.err)
		}
		s.must("member", "suppress", "002")
		if out := s.must("member", "show", "002"); !strings.Contains(out, "suppressed") {
			t.Errorf("a suppressed member is shown as\n%s", out)
		}
		if out := s.must("member", "show", "001"); !strings.Contains(out, "10.00 EUR") {
			t.Errorf("member show says\n%s", out)
		}
	})
}
