package importer

// square is what Square's dashboard exports of customers, of items sold and of
// transactions. What is given back is a row of its own, with the amounts below zero:
// of the transaction that it names, where that is in the file.
var square = []layout{
	{
		format: "square", what: "Square's customers", kind: "members",
		marks: []string{"Reference ID|Square Customer ID", "First Name", "Email Address", "Email Subscription Status|Instant Profile|Creation Source"},
		columns: map[string][]string{
			"member": {"Reference ID"}, "ids.square": {"Square Customer ID"}, "email": {"Email Address"}, "phone": {"Phone Number"},
			"first_name": {"First Name"}, "last_name": {"Last Name"}, "birthday": {"Birthday"}, "joined_at": {"First Visit"}, "consent": {"Email Subscription Status"},
		},
		dates: MonthFirst,
	},
	{
		format: "square", what: "Square's items", kind: "orders",
		marks: []string{"Date", "Time", "Transaction ID", "Net Sales", "Item", "Qty"},
		columns: withColumns(squareSale, map[string][]string{
			"category": {"Category"}, "name": {"Item"}, "product": {"SKU"}, "quantity": {"Qty"}, "line_total": {"Net Sales"}, "line_tax": {"Tax"},
		}),
		values: squareWords, zones: squareZones,
	},
	{
		format: "square", what: "Square's transactions", kind: "orders",
		marks:   []string{"Date", "Time", "Transaction ID", "Net Sales", "Total Collected"},
		columns: withColumns(squareSale, map[string][]string{"order_total": {"Total Collected"}, "tax": {"Tax"}}),
		values:  squareWords, zones: squareZones,
	},
}

// squareSale are the columns that items and transactions share.
var squareSale = map[string][]string{
	"order": {"Transaction ID"}, "at": {"Date + Time + Time Zone"}, "discount": {"Discounts"}, "shop": {"Location"}, "event": {"Event Type"},
	"member": {"Customer Reference ID"}, "ids.square": {"Customer ID"}, "full_name": {"Customer Name"},
}

var squareWords = map[string]map[string]string{"event": {"payment": "", "refund": "refund", "partial refund": "refund", "return": "refund"}}

// squareZones are the time zones as its dashboard calls them.
var squareZones = map[string]string{
	"eastern time": "America/New_York", "central time": "America/Chicago", "mountain time": "America/Denver", "pacific time": "America/Los_Angeles",
	"arizona": "America/Phoenix", "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu", "indiana": "America/Indiana/Indianapolis",
	"atlantic time": "America/Halifax", "newfoundland": "America/St_Johns", "saskatchewan": "America/Regina", "puerto rico": "America/Puerto_Rico",
	"london": "Europe/London", "edinburgh": "Europe/London", "dublin": "Europe/Dublin", "paris": "Europe/Paris", "madrid": "Europe/Madrid",
	"tokyo": "Asia/Tokyo", "osaka": "Asia/Tokyo", "sapporo": "Asia/Tokyo", "sydney": "Australia/Sydney", "melbourne": "Australia/Melbourne",
	"canberra": "Australia/Melbourne", "brisbane": "Australia/Brisbane", "adelaide": "Australia/Adelaide", "perth": "Australia/Perth",
	"darwin": "Australia/Darwin", "hobart": "Australia/Hobart",
}
