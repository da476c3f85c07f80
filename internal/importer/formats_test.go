package importer_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var update = flag.Bool("update", false, "write what exports are read as into testdata")

// empty is clear for addresses, too.
func (d door) empty() {
	d.T.Helper()
	clear(d.T, d.DB)
	err := d.DB.Update(d.T.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"suppressions", "refusals"} {
			if _, err := tx.Exec("delete from "+table, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.T.Fatal(err)
	}
}

// dump is what a test's database has of members or of orders, a line each.
func (d door) dump(kind string) string {
	d.T.Helper()
	if kind == "members" {
		return strings.Join(d.Rows(`
			select m.email || ', ' || m.first_name || ', ' || m.last_name || ', ' || m.country || ', ' || m.phone || ', born ' || coalesce(m.birth_month, 0) || '-' || coalesce(m.birth_date, 0)
			       || ', joined on day ' || coalesce(m.joined_day, 0)
			       || coalesce((select ', ' || string_agg(t.tag, ' + ' order by t.tag) from member_tags t where t.member_id = m.id), '')
			       || coalesce((select ', ' || string_agg(k.kind || ':' || k.value, ' ' order by k.kind) from member_keys k where k.member_id = m.id and k.kind not in ('email', 'phone', 'made')), '')
			       || coalesce((select ', ' || string_agg(t.topic || case when t.granted then ' yes' else ' no' end, ' ' order by t.topic) from member_topics t where t.member_id = m.id), '')
			       || case when exists (select 1 from suppressions s where s.email_key = m.email_key) then ', suppressed' else '' end
			from   members m
			order  by m.email`), "\n")
	}
	return strings.Join(d.Rows(`
		select o.external_id || ' of ' || m.email || ', ' || m.first_name || ', ' || m.last_name || ', ' || o.status || ', ' || o.total || ' less ' || o.refunded
		       || ', tax ' || o.tax || ', shipping ' || o.shipping || ', discount ' || o.discount || ', ' || o.quantity || ' pieces'
		       || coalesce((select ', ' || string_agg(l.quantity || ' × ' || l.product || ' (' || l.name || ', ' || l.category || l.brand || ') ' || l.total, ', ' order by l.n) from order_lines l where l.order_id = o.id), '')
		from   orders o join members m on m.id = o.member_id
		order  by o.external_id`), "\n")
}

// TestExportsAreKnownByTheirHeaders imports the example of each layout, which is
// testdata/SYSTEM.NAME.csv, and holds what it was taken for and what came in to
// testdata/SYSTEM.NAME.want.
func TestExportsAreKnownByTheirHeaders(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(examples) < 15 {
		t.Fatal(err, examples)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, example := range examples {
			d.empty()
			system, _, _ := strings.Cut(filepath.Base(example), ".")
			got, again := d.describe(example), ""
			if kind := kindOf(got); kind != "" {
				again, _ = d.noting(importer.File{Kind: kind, Path: example})
			}
			if !strings.Contains(got, "--format "+system) && !strings.Contains(got, "Analytics") || again != "" && !strings.Contains(again, " 0 new, 0 updated, ") {
				t.Errorf("%s is read as\n%s\nand then as %s", example, got, again)
			}
			golden := strings.TrimSuffix(example, ".csv") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || got != string(want) {
				t.Errorf("%s is read as\n%s\nwant\n%s%v", example, got, want, err)
			}
		}
	})
}

// describe imports a file as members or, where it says that it is none, as orders, and
// tells what it was taken for and what came in.
func (d door) describe(path string) string {
	d.T.Helper()
	var b strings.Builder
	for _, kind := range []string{"members", "orders"} {
		im := importer.File{Kind: kind, Path: path, Taken: func(r importer.Reading) {
			fmt.Fprintf(&b, "%s: %s (--format %s)\nhas %s\nhas not %s\n", kind, r.What, r.Format, r, strings.Join(r.LeftOut, ", "))
			for _, how := range r.How {
				fmt.Fprintln(&b, how)
			}
		}}
		im.Noted = func(n loyalty.Note) { fmt.Fprintf(&b, "line %d: note: %s\n", n.Line, n) }
		im.Refused = func(n loyalty.Note) { fmt.Fprintf(&b, "line %d: %s\n", n.Line, n) }
		tally, err := d.Import(d.T.Context(), im)
		if err != nil && strings.Contains(err.Error(), "import it as orders") {
			continue
		}
		if err != nil {
			fmt.Fprintln(&b, err)
			break
		}
		fmt.Fprintf(&b, "%s\n\n%s\n", tally, d.dump(kind))
		break
	}
	return b.String()
}

func kindOf(described string) string {
	kind, _, ok := strings.Cut(described, ":")
	if !ok || !slices.Contains([]string{"members", "orders"}, kind) {
		return ""
	}
	return kind
}

func TestAnAudienceOfMailchimpComesAsOneZip(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		archive := file(t, "audience.zip", zipped(t, map[string]string{
			"cleaned_members_export_1a2b.csv": "mailchimp.cleaned.csv", "unsubscribed_members_export_1a2b.csv": "mailchimp.unsubscribed.csv",
			"subscribed_members_export_1a2b.csv": "mailchimp.subscribed.csv", "nonsubscribed_members_export_1a2b.csv": "mailchimp.subscribed.csv",
		}))
		var order []string
		im := importer.File{Kind: "members", Path: archive, Taken: func(r importer.Reading) { order = append(order, r.File+" "+r.What) }}
		got, said := d.noting(im)
		if !strings.HasPrefix(got, "6 read, 4 new, ") || !strings.HasSuffix(got, " 1 suppressed") {
			t.Errorf("%s\n%s", got, said)
		}
		if want := []string{"subscribed_members_export_1a2b.csv Mailchimp's subscribed members", "nonsubscribed_members_export_1a2b.csv Mailchimp's contacts who have not subscribed",
			"unsubscribed_members_export_1a2b.csv Mailchimp's unsubscribed members", "cleaned_members_export_1a2b.csv Mailchimp's cleaned members"}; !slices.Equal(order, want) {
			t.Errorf("read %q, want %q", order, want)
		}
		if got, want := strings.Join(d.Rows("select m.email || case when t.granted then ' yes' else ' no' end from member_topics t join members m on m.id = t.member_id where t.topic = 'offers' order by 1"), ", "),
			"ana@example.test yes, bo@example.test yes, cleo@example.test no"; got != want {
			t.Errorf("offers: %s, want %s", got, want)
		}
		if !strings.Contains(said, "(in subscribed_members_export_1a2b.csv)") {
			t.Errorf("notes do not say of which file they are:\n%s", said)
		}
		if _, err := d.Import(t.Context(), importer.File{Kind: "members", Path: archive, Rejects: "r.csv"}); err == nil || !strings.Contains(err.Error(), "unpack it") {
			t.Errorf("with --rejects: %v", err)
		}
	})
}

// zipped is an archive of files of testdata under other names.
func zipped(t *testing.T, names map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, from := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if from != "" {
			text, err := os.ReadFile(filepath.Join("testdata", from))
			if err != nil {
				t.Fatal(err)
			}
			w.Write(text)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnArchiveIsAnsweredByWhatItIs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a workbook of Excel", map[string]string{"[Content_Types].xml": "", "xl/workbook.xml": ""}, "it is a workbook of Excel (.xlsx): save the sheet as CSV"},
		{"one of LibreOffice", map[string]string{"mimetype": "", "content.xml": ""}, "it is a workbook of LibreOffice (.ods)"},
		{"a document", map[string]string{"word/document.xml": ""}, "it is a document of Word"},
		{"tables", map[string]string{"orders.csv": "shopify.orders.csv"}, "it is a zip archive of orders.csv: unpack it"},
		{"nothing", nil, "zip archive"},
	}
	d := newDoor(t, storetest.SQLite(t))
	for _, tt := range tests {
		if _, err := d.Import(t.Context(), importer.File{Kind: "members", Path: file(t, "f.zip", zipped(t, tt.files))}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
