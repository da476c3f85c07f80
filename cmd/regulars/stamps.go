package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

func (a *app) stampsCommand() *cobra.Command {
	group := &cobra.Command{Use: "stamps", Short: "Stamps on punch cards: give | take"}
	group.AddCommand(
		a.stampCommand("give", "Give a member stamps on a card, with the reason; a full card gives its code", 1),
		a.stampCommand("take", "Take back stamps of a card, with the reason, as many as are there", -1))
	return group
}

// stampCommand books so many stamps, times sign.
func (a *app) stampCommand(use, short string, sign int64) *cobra.Command {
	var because, key string
	c := a.action(use+" MEMBER CARD N", short, func(tx *store.Tx, args []string) error {
		n, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil || n < 1 {
			return usage("%q is not a whole number of stamps from 1 on", args[2])
		}
		if strings.TrimSpace(because) == "" {
			return usage("say why with --because: what is booked by hand keeps its reason")
		}
		member, err := intake.Find(tx, args[0])
		if err != nil {
			return err
		}
		s, err := marketing.New(nil).Stamp(tx, args[1], points.Hand{Member: member, N: sign * n, Because: because, Key: key, By: a.by()})
		if err != nil {
			return err
		}
		codes := []string{}
		for _, code := range s.Codes {
			codes = append(codes, code.Code)
		}
		return a.say(map[string]any{"card": s.Card, "stamps": s.Stamps, "of": s.Of, "booked": s.Booked, "codes": codes, "again": s.Again}, "%s", s.Words())
	})
	c.Flags().StringVar(&because, "because", "", "why: it is kept with the stamps")
	c.Flags().StringVar(&key, "key", "", "of idempotency: the same key books once")
	return c
}
