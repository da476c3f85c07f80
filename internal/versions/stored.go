package versions

import (
	"encoding/json"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Stored is a version as it was applied.
type Stored struct {
	ID        int64           `json:"id"`
	Hash      string          `json:"hash"`
	AppliedAt loyalty.Instant `json:"applied_at"`
	AppliedBy string          `json:"applied_by"`
	Note      string          `json:"note"`
	InForce   bool            `json:"in_force"`
}

// Versions returns all versions, the newest first.
func List(tx *store.Tx) (all []Stored, err error) {
	err = tx.All(&all, `
		select v.id, v.hash, v.applied_at, v.applied_by, v.note, s.value is not null as in_force
		from   versions v left join settings s on s.key = @key and s.value = cast(v.id as text)
		order  by v.id desc`, store.Args{"key": store.SettingVersion})
	return all, err
}

// Files returns the files of a version, path → text.
func Files(tx *store.Tx, version int64) (map[string]string, error) {
	var text string
	err := tx.One(&text, "select cast(files as text) from versions where id = @id", store.Args{"id": version})
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", version, err)
	}
	files := map[string]string{}
	if err := json.Unmarshal([]byte(text), &files); err != nil {
		return nil, fmt.Errorf("files of version %d: %w", version, err)
	}
	return files, nil
}

// Applied says what putting a program in force did.
type Applied struct {
	Version int64    `json:"version"`
	Same    bool     `json:"same"`              // the files were in force already; nothing has changed
	Live    []string `json:"live,omitempty"`    // campaigns that went live by it
	Removed []string `json:"removed,omitempty"` // campaigns that are no longer part of the program

	// ZoneWas is the zone in which the days of orders and events were computed so
	// far, if the program has another one: they must be computed anew.
	ZoneWas string `json:"zone_was,omitempty"`

	// PointsAnew says that from now on others keep the points than before: facts must be
	// computed anew.
	PointsAnew bool `json:"points_anew,omitempty"`
}
