package importer

// klaviyo is what Klaviyo exports of profiles, of a list or a segment.
var klaviyo = []layout{
	klaviyoProfiles("Email Marketing Consent", "Klaviyo ID|Profile Created On|Date Added|Last Open|Email Suppressions"),
	klaviyoProfiles("Klaviyo ID"),
}

func klaviyoProfiles(marks ...string) layout {
	return layout{
		format: "klaviyo", what: "Klaviyo's profiles", kind: "members",
		marks: append([]string{"Email"}, marks...),
		columns: map[string][]string{
			"member": {"External ID"}, "ids.klaviyo": {"Klaviyo ID"}, "email": {"Email"}, "phone": {"Phone Number"}, "first_name": {"First Name"}, "last_name": {"Last Name"},
			"country": {"Country"}, "language": {"Locale"}, "birthday": {"Birthday"}, "joined_at": {"Profile Created On", "Created", "Date Added"},
			"consent": {"Email Marketing Consent"}, "consent_at": {"Email Marketing Consent Timestamp", "Email Marketing Timestamp", "Email Consent Timestamp"},
			"suppressed": {"Email Suppressions"},
		},
		zone: "UTC",
	}
}
