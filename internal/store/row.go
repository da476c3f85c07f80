package store

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What is read or written by its key goes through a model of GORM: a struct with the
// columns of a table that it needs, a method TableName, and the tag gorm:"primaryKey"
// at the fields of the key. Statements about sets of rows stay SQL, written out.

// SQL is a value that the database works out, as of Machine, for Change.
type SQL string

// Get reads the row of the key that stands in row into it; ErrNotFound when there is
// none.
func (tx *Tx) Get(row any) error {
	if err := tx.keyed(row); err != nil {
		return err
	}
	return tx.found(tx.g.Take(row).Error)
}

// Find reads into row one whose columns have these values; ErrNotFound when there is
// none. nil stands for null.
func (tx *Tx) Find(row any, where Args) error {
	if err := tx.flush(); err != nil {
		return err
	}
	var all []clause.Expression // a map of GORM's would take bytes for a list
	for _, name := range slices.Sorted(maps.Keys(where)) {
		all = append(all, clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: name}, Value: where[name]})
	}
	return tx.found(tx.g.Clauses(clause.Where{Exprs: all}).Take(row).Error)
}

// Put inserts the row, or gives the one of its key all of its columns.
func (tx *Tx) Put(row any) error {
	if err := tx.keyed(row); err != nil {
		return err
	}
	return tx.g.Clauses(clause.OnConflict{UpdateAll: true}).Create(row).Error
}

// Change gives columns of the row of that key other values, and reports whether there
// is such a row.
func (tx *Tx) Change(row any, columns Args) (bool, error) {
	if err := tx.keyed(row); err != nil {
		return false, err
	}
	values := make(map[string]any, len(columns))
	for name, v := range columns {
		if text, is := v.(SQL); is {
			v = gorm.Expr(string(text))
		}
		values[name] = v
	}
	r := tx.g.Model(row).Updates(values)
	return r.RowsAffected > 0, r.Error
}

// Remove deletes the row of that key, and reports whether there was one.
func (tx *Tx) Remove(row any) (bool, error) {
	if err := tx.keyed(row); err != nil {
		return false, err
	}
	r := tx.g.Delete(row)
	return r.RowsAffected > 0, r.Error
}

func (tx *Tx) found(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrNotFound
	}
	return err
}

// keyed makes ready for a statement of GORM's, and sure that a row's whole key is given:
// GORM leaves out of a condition what is empty.
func (tx *Tx) keyed(row any) error {
	s := &gorm.Statement{DB: tx.g}
	if err := s.Parse(row); err != nil {
		return err
	}
	for _, field := range s.Schema.PrimaryFields {
		if _, empty := field.ValueOf(tx.Context(), reflect.ValueOf(row)); empty {
			return fmt.Errorf("a row of %s without its %s", s.Schema.Table, field.DBName)
		}
	}
	if len(s.Schema.PrimaryFields) == 0 {
		return fmt.Errorf("rows of %s have no key", s.Schema.Table)
	}
	return tx.flush()
}
