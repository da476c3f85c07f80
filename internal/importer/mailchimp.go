package importer

import "regexp"

// mailchimp is what an audience of Mailchimp exports: a file each of those who are
// subscribed, have unsubscribed and were cleaned, which is to say that their address
// takes no mail. Only their headers, and for those who never subscribed their name,
// tell them apart. All come as one zip, too; see archive.go. Times are UTC's.
var mailchimp = []layout{
	mailchimpFile("Mailchimp's subscribed members", "subscribed", nil, "LAST_CHANGED"),
	mailchimpFile("Mailchimp's contacts who have not subscribed", "", regexp.MustCompile(`(?i)non.?subscribed|transactional`), "LAST_CHANGED"),
	mailchimpFile("Mailchimp's unsubscribed members", "unsubscribed", nil, "LAST_CHANGED", "UNSUB_TIME"),
	mailchimpFile("Mailchimp's cleaned members", "cleaned", nil, "LAST_CHANGED", "CLEAN_TIME"),
}

func mailchimpFile(what, consent string, named *regexp.Regexp, marks ...string) layout {
	return layout{
		format: "mailchimp", what: what, kind: "members", named: named,
		marks: append([]string{"Email Address|Email", "OPTIN_TIME", "CONFIRM_TIME"}, marks...),
		columns: map[string][]string{
			"email": {"Email Address", "Email"}, "first_name": {"First Name", "FNAME"}, "last_name": {"Last Name", "LNAME"}, "phone": {"Phone Number", "PHONE"},
			"birthday": {"Birthday"}, "tags": {"TAGS"}, "consent": {"Status"},
			"joined_at": {"OPTIN_TIME", "CONFIRM_TIME"}, "consent_at": {"CONFIRM_TIME", "OPTIN_TIME"}, "refused_at": {"UNSUB_TIME"},
		},
		always: map[string]string{"consent": consent},
		zone:   "UTC", dates: MonthFirst,
	}
}
