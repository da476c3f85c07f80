package store

// Models of tables that several rooms read or change by key. A room's own table has its
// model in that room.

// CampaignRow is a campaign of any version, known by its name of today.
type CampaignRow struct {
	ID      int64 `gorm:"primaryKey"`
	Name    string
	Settled bool // who was there already when it went live has been dealt with
}

// TableName is of GORM.
func (CampaignRow) TableName() string { return "campaigns" }

// SegmentRow is a segment of any version.
type SegmentRow struct {
	ID      int64  `gorm:"primaryKey"`
	Because string // why it cannot be brought up to date; "": it can
}

// TableName is of GORM.
func (SegmentRow) TableName() string { return "segments" }

// OccurrenceRow is a start of a campaign.
type OccurrenceRow struct {
	ID int64 `gorm:"primaryKey"`
}

// TableName is of GORM.
func (OccurrenceRow) TableName() string { return "occurrences" }

// RunRow is a run.
type RunRow struct {
	ID             int64 `gorm:"primaryKey"`
	CampaignID     int64
	State, Because string
}

// TableName is of GORM.
func (RunRow) TableName() string { return "runs" }

// settingRow is a setting.
type settingRow struct {
	Key   string `gorm:"primaryKey"`
	Value string
}

func (settingRow) TableName() string { return "settings" }

// setbackRow is the key of a setback.
type setbackRow struct {
	Scope string `gorm:"primaryKey"`
	Work  string `gorm:"primaryKey"`
}

func (setbackRow) TableName() string { return "setbacks" }

// replicaRow is the key of a replica.
type replicaRow struct {
	ID string `gorm:"primaryKey"`
}

func (replicaRow) TableName() string { return "replicas" }
