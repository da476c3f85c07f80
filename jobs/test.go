package jobs

import (
	"context"
	"errors"
	"fmt"

	"regulars/internal/address"
	"regulars/internal/delivery"
	"regulars/internal/intake"
	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// testJob mails one mail of a campaign to an address of the marketer's, as a
// member would get it. Put by marketers. It is tried once: a second copy would
// do no harm, but nobody wants it.
var testJob = kind{
	about: "send a test mail",
	queue: Urgent,
	fields: []field{
		{name: "campaign", about: "its name", required: true},
		{name: "mail", about: "the mail's name; the first without it"},
		{name: "to", about: "the address", required: true, wrong: notAnAddress},
		{name: "as", about: "the member whose mail it is: id or e-mail", required: true},
	},
	settle: settleMember,
	do: func(ctx context.Context, r Rooms, row Row) (string, error) {
		v := row.Values()
		m := marketing.Mail{Example: delivery.Example{Campaign: v["campaign"], Mail: v["mail"]}, As: v["as"]}
		if _, err := r.marketer().As(fmt.Sprintf("%s, job %d", row.EnqueuedBy, row.ID)).SendTest(ctx, m, v["to"]); err != nil {
			return "", final(err)
		}
		return "sent", nil
	},
}

// hasMail refuses a campaign or a mail that the program in force does not have.
func hasMail(tx *store.Tx, name, mail string) error {
	v, err := versions.Active(tx)
	if err != nil {
		return err
	}
	c, err := v.Campaign(name)
	if err != nil {
		return err
	}
	_, _, err = delivery.MailOf(c.Campaign, mail)
	return err
}

func notAnAddress(value string) string {
	if _, _, err := address.Read(value); err != nil {
		return err.Error()
	}
	return ""
}

// settleMember finds the member right away and keeps the id alone: jobs hold no
// members' addresses.
func settleMember(tx *store.Tx, v map[string]string) error {
	if err := ordered(hasMail(tx, v["campaign"], v["mail"])); err != nil {
		return err
	}
	id, err := intake.Find(tx, v["as"])
	if errors.Is(err, store.ErrNotFound) {
		return &OrderError{"as", fmt.Sprintf("as=%s: there is no such member", v["as"])}
	}
	if err != nil {
		return err
	}
	var external string
	if err := tx.One(&external, "select external_id from members where id = @id", store.Args{"id": id}); err != nil {
		return err
	}
	v["as"] = external
	return nil
}
