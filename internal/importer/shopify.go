package importer

// shopify is what Shopify's admin exports as orders and as customers. What an order
// says as a whole stands on the first of its rows, each of which is a line.
var shopify = format{
	columns: map[string]map[string]string{
		"orders": {
			"order": "Name", "at": "Created at", "email": "Email", "phone": "Phone", "status": "Financial Status", "currency": "Currency",
			"order_total": "Total", "discount": "Discount Amount", "tax": "Taxes", "shipping": "Shipping", "coupon": "Discount Code", "country": "Billing Country", "shop": "Location",
			"product": "Lineitem sku", "name": "Lineitem name", "brand": "Vendor", "quantity": "Lineitem quantity", "price": "Lineitem price",
		},
		"members": {
			"ids.shopify": "Customer ID", "email": "Email", "first_name": "First Name", "last_name": "Last Name", "phone": "Phone",
			"country": "Default Address Country Code", "tags": "Tags", "consent.newsletter": "Accepts Email Marketing",
		},
		"suppressions": {"email": "Email"},
	},
	values: map[string]map[string]string{
		"status": {
			"partially_refunded": "paid", "partially_paid": "pending", "authorized": "pending", "voided": "cancelled", "expired": "cancelled",
		},
	},
}
