package console

import (
	"html/template"
	"net/http"
	"slices"

	"regulars/internal/help"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

type topicsView struct {
	frame
	Pages []help.Page
}

// topics are what help has to say.
func (c *Console) topics(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := topicsView{Pages: help.Pages()}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		view.frame, err = c.frame(tx, r, u, "help", c.pages.words.Say("topics.title"))
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "topics", view)
}

type topicView struct {
	frame
	Says template.HTML // of our own pages, made of Markdown that nobody else writes
	Next help.Page
}

// topic is one of them.
func (c *Console) topic(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("topic")
	page, ok := help.ByName(name)
	if !ok {
		text := c.pages.words.Say("topics.none", name)
		if near := loyalty.Nearest(name, help.Names()); near != "" {
			text = c.pages.words.Say("topics.near", name, near)
		}
		return refuse(http.StatusNotFound, text)
	}
	text, err := page.HTML()
	if err != nil {
		return err
	}
	view := topicView{Says: template.HTML(text)}
	if next := slices.Index(help.Names(), name) + 1; next < len(help.Names()) {
		view.Next = help.Pages()[next]
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) { view.frame, err = c.frame(tx, r, u, "help", page.Title); return err })
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "topic", view)
}
