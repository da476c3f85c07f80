package report

import (
	"fmt"

	"regulars/internal/store"
)

// UnknownMails are mails of a run, or single ones of a campaign, of which nobody knows
// whether they went out.
type UnknownMails struct {
	Campaign string
	Run      int64 // 0: single ones
	Mails    int64
	Some     []MailRow `gorm:"-"` // of single ones the newest
}

// Unknown returns where such mails are, at most some of the single ones of each campaign.
func Unknown(tx *store.Tx, some int) (list []UnknownMails, err error) {
	err = tx.All(&list, `
		select c.name as campaign, k.run_id as run, cast(sum(k.n) as bigint) as mails
		from   counted k join campaigns c on c.id = k.campaign_id
		where  k.state = 'unknown'
		group  by c.name, k.run_id
		having sum(k.n) > 0
		order  by c.name, k.run_id desc`, nil)
	for i := 0; i < len(list) && err == nil; i++ {
		if u := &list[i]; u.Run == 0 {
			// They are noted by mail: a campaign may have sent millions.
			err = tx.All(&u.Some, `
				select s.id, coalesce(s.handed_at, s.queued_at) as at, s.member_id as member, coalesce(trim(m.first_name || ' ' || m.last_name), '') as name, s.state
				from   unknown_mails r join sends s on s.id = r.send_id left join members m on m.id = s.member_id
				where  r.campaign_id = (select id from campaigns where name = @campaign) and s.run_id is null and s.state = 'unknown'
				order  by s.id desc
				limit  @most`, store.Args{"campaign": u.Campaign, "most": min(int64(some), u.Mails)})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("mails of which nobody knows: %w", err)
	}
	return list, nil
}
