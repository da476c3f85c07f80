package importer

// shopify is what Shopify's admin exports. What an order says as a whole stands on
// the first of its rows, each of which is a line; Lineitem price is of a piece. An
// order is known by its numeric id, as its webhooks know it, and by its Name where the
// export has no Id.
var shopify = []layout{
	{
		format: "shopify", what: "Shopify's orders", kind: "orders",
		marks: []string{"Name", "Financial Status", "Created at", "Lineitem name"},
		columns: map[string][]string{
			"order": {"Name"}, "order.id": {"Id"}, "at": {"Created at"}, "status": {"Financial Status"}, "cancelled_at": {"Cancelled at"}, "currency": {"Currency"},
			"email": {"Email"}, "phone": {"Phone"}, "full_name": {"Billing Name", "Shipping Name"}, "country": {"Billing Country", "Shipping Country"},
			"order_total": {"Total"}, "discount": {"Discount Amount"}, "tax": {"Taxes"}, "shipping": {"Shipping"}, "refunded": {"Refunded Amount"},
			"coupon": {"Discount Code"}, "shop": {"Location"},
			"product": {"Lineitem sku"}, "name": {"Lineitem name"}, "brand": {"Vendor"}, "quantity": {"Lineitem quantity"}, "price": {"Lineitem price"},
		},
		values: map[string]map[string]string{
			"status": {
				"partially_refunded": "paid", "partially_paid": "pending", "authorized": "pending", "unpaid": "pending", "voided": "cancelled", "expired": "cancelled",
			},
		},
	},
	{
		format: "shopify", what: "Shopify's customers", kind: "members",
		marks: []string{"First Name", "Email", "Accepts Email Marketing|Accepts Marketing", "Total Spent|Total Orders|Tax Exempt|Tags|Customer ID"},
		columns: map[string][]string{
			"ids.shopify": {"Customer ID", "Id"}, "email": {"Email"}, "first_name": {"First Name"}, "last_name": {"Last Name"}, "phone": {"Phone", "Default Address Phone"},
			"country": {"Default Address Country Code", "Country Code", "Country"}, "tags": {"Tags"}, "consent": {"Accepts Email Marketing", "Accepts Marketing"},
		},
	},
}
