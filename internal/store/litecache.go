package store

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
)

// mostKept bounds the statements that a connection to SQLite keeps compiled.
const mostKept = 256

// liteConnector opens connections to SQLite that keep their statements compiled.
// Compiling one anew for each run costs more than running it: the engine asks the
// same hundred short questions all day. Postgres' driver does this by itself.
type liteConnector struct {
	driver driver.Driver
	dsn    string
}

func (c liteConnector) Driver() driver.Driver { return c.driver }

func (c liteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	raw, ok := conn.(rawConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks a call"), conn.Close())
	}
	return &liteConn{rawConn: raw, kept: map[string]*list.Element{}}, nil
}

// rawConn is all that database/sql asks of a connection to SQLite.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type rawStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// liteConn is used by one goroutine at a time, as database/sql promises.
type liteConn struct {
	rawConn
	kept  map[string]*list.Element // of *keptStmt, by text
	order list.List                // the latest used in front
}

type keptStmt struct {
	rawStmt
	text string
	busy bool // rows of it are being read
}

// keptRows frees their statement for its next run.
type keptRows struct {
	driver.Rows
	stmt *keptStmt
}

func (r keptRows) Close() error {
	r.stmt.busy = false
	return r.Rows.Close()
}

func (c *liteConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	if s.busy {
		return c.rawConn.ExecContext(ctx, text, args)
	}
	return s.ExecContext(ctx, args)
}

func (c *liteConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	if s.busy {
		return c.rawConn.QueryContext(ctx, text, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return keptRows{rows, s}, nil
}

// keep returns the statement of text, compiled.
func (c *liteConn) keep(ctx context.Context, text string) (*keptStmt, error) {
	if e, ok := c.kept[text]; ok {
		c.order.MoveToFront(e)
		return e.Value.(*keptStmt), nil
	}
	stmt, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	raw, ok := stmt.(rawStmt)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver's statements lack a call"), stmt.Close())
	}
	s := &keptStmt{rawStmt: raw, text: text}
	c.kept[text] = c.order.PushFront(s)
	if last := c.order.Back(); c.order.Len() > mostKept && !last.Value.(*keptStmt).busy {
		return s, c.drop(last)
	}
	return s, nil
}

func (c *liteConn) drop(e *list.Element) error {
	s := c.order.Remove(e).(*keptStmt)
	delete(c.kept, s.text)
	return s.rawStmt.Close()
}

// Close compiles nothing any more and ends the connection.
func (c *liteConn) Close() error {
	var errs []error
	for c.order.Len() > 0 {
		errs = append(errs, c.drop(c.order.Back()))
	}
	return errors.Join(append(errs, c.rawConn.Close())...)
}
