package store

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
	"modernc.org/sqlite"
)

// lite is GORM's view of SQLite over the driver in pure Go. GORM's own dialector
// for SQLite imports the one in C, which costs a newcomer most of a minute and a
// compiler. Ours is this short because the schema is never GORM's affair.
type lite struct{ conn *sql.DB }

func (*lite) Name() string { return SQLite }

func (d *lite) Initialize(g *gorm.DB) error {
	g.ConnPool = d.conn
	callbacks.RegisterDefaultCallbacks(g, &callbacks.Config{
		CreateClauses: []string{"INSERT", "VALUES", "ON CONFLICT", "RETURNING"},
		UpdateClauses: []string{"UPDATE", "SET", "FROM", "WHERE", "RETURNING"},
		DeleteClauses: []string{"DELETE", "FROM", "WHERE", "RETURNING"},
	})
	return nil
}

func (d *lite) Migrator(g *gorm.DB) gorm.Migrator {
	return migrator.Migrator{Config: migrator.Config{DB: g, Dialector: d}}
}

func (*lite) DataTypeOf(*schema.Field) string { return "" }

func (*lite) DefaultValueOf(*schema.Field) clause.Expression { return clause.Expr{SQL: "NULL"} }

func (*lite) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) { w.WriteByte('?') }

func (*lite) QuoteTo(w clause.Writer, name string) {
	w.WriteByte('"')
	w.WriteString(name)
	w.WriteByte('"')
}

func (*lite) Explain(text string, vars ...any) string {
	return logger.ExplainSQL(text, nil, `'`, vars...)
}

// Translate names the errors that callers tell apart: SQLITE_CONSTRAINT_PRIMARYKEY
// (1555) and SQLITE_CONSTRAINT_UNIQUE (2067).
func (*lite) Translate(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code() == 1555 || e.Code() == 2067) {
		return gorm.ErrDuplicatedKey
	}
	return err
}
