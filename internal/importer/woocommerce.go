package importer

import (
	"regexp"
	"strings"
)

// woocommerce is what WooCommerce and the plug-ins export that most shops have for it:
// Customer / Order / Coupon Export, WebToffee's import and export, and Advanced Order
// Export. An order is known by its id, as its webhooks know it.
var woocommerce = []layout{
	{
		format: "woocommerce", what: "WooCommerce's orders, of Customer / Order Export or WebToffee", kind: "orders",
		marks: []string{"order_id", "billing_email", "order_total", "status|order_status"},
		columns: withColumns(wooBilling, map[string][]string{
			"order": {"order_id"}, "at": {"date", "order_date", "date_created"}, "status": {"status", "order_status"}, "currency": {"order_currency", "currency"},
			"ids.woocommerce": {"customer_id"}, "email": {"billing_email", "customer_email"},
			"order_total": {"order_total"}, "discount": {"discount_total", "cart_discount"}, "tax": {"tax_total"}, "shipping": {"shipping_total"},
			"refunded": {"refunded_total", "refund_items"}, "coupon": {"coupon_items", "coupons"},
			"product": {"item_sku"}, "name": {"item_name"}, "quantity": {"item_quantity"}, "line_total": {"item_total"}, "line_tax": {"item_total_tax"},
		}),
		packed: regexp.MustCompile(`^(?i)line_items?(_\d+)?$`),
		values: wooWords,
	},
	{
		format: "woocommerce", what: "WooCommerce's orders, of Advanced Order Export", kind: "orders",
		marks: []string{"Order Number|Order ID", "Order Status", "Order Date", "Email (Billing)", "Order Total Amount"},
		columns: map[string][]string{
			"order": {"Order ID", "Order Number"}, "at": {"Order Date"}, "status": {"Order Status"}, "currency": {"Order Currency", "Currency"},
			"ids.woocommerce": {"Customer User ID", "User ID", "Customer ID"}, "email": {"Email (Billing)"}, "phone": {"Phone (Billing)"}, "first_name": {"First Name (Billing)"},
			"last_name": {"Last Name (Billing)"}, "country": {"Country Code (Billing)", "Country Name (Billing)"},
			"order_total": {"Order Total Amount"}, "discount": {"Cart Discount Amount", "Discount Amount"}, "tax": {"Order Total Tax Amount"},
			"shipping": {"Order Shipping Amount"}, "refunded": {"Order Refund Amount"}, "coupon": {"Coupon Code"},
			"product": {"SKU"}, "name": {"Item Name"}, "category": {"Category"}, "quantity": {"Quantity", "Quantity (- Refund)"},
			"price": {"Item Cost"}, "line_total": {"Order Line Total"}, "line_tax": {"Order Line Tax"},
		},
		values: wooWords,
	},
	{
		format: "woocommerce", what: "the orders of WooCommerce's Analytics", kind: "orders",
		marks: []string{"Order #", "Customer type", "Status"},
		never: "it does not say whose an order is, nor what it cost in all; export the orders by a plug-in, with billing_email",
	},
	{
		format: "woocommerce", what: "the customers of WooCommerce's Analytics", kind: "members",
		marks: []string{"Username", "Last Active", "Email", "Total Spend|AOV"},
		columns: map[string][]string{
			"email": {"Email"}, "full_name": {"Name"}, "joined_at": {"Sign Up", "Date Registered"}, "country": {"Country / Region", "Country"},
		},
	},
	{
		format: "woocommerce", what: "WooCommerce's customers, of Customer / Order Export or WebToffee", kind: "members",
		marks: []string{"billing_email", "first_name", "user_login|username|user_email|user_registered|date_registered"},
		columns: withColumns(wooBilling, map[string][]string{
			"ids.woocommerce": {"customer_id", "ID"}, "email": {"email", "user_email", "billing_email"}, "joined_at": {"date_registered", "user_registered", "date_created"},
			"first_name": {"first_name", "billing_first_name"}, "last_name": {"last_name", "billing_last_name"},
		}),
		values: wooWords,
	},
}

// wooBilling are the columns of a bill that orders and customers share.
var wooBilling = map[string][]string{
	"first_name": {"billing_first_name"}, "last_name": {"billing_last_name"}, "phone": {"billing_phone"}, "country": {"billing_country"},
}

// wooWords are its statuses, as they are stored, as they are shown and with wc-; the
// id 0 is a guest's.
var wooWords = map[string]map[string]string{
	"ids.woocommerce": {"0": ""},
	"status": func() map[string]string {
		words := map[string]string{
			"completed": "paid", "processing": "paid", "on-hold": "pending", "on hold": "pending", "pending payment": "pending", "pending": "pending",
			"failed": "cancelled", "trash": "cancelled", "cancelled": "cancelled", "canceled": "cancelled", "refunded": "refunded",
			"checkout-draft": "pending", "draft": "pending", "auto-draft": "pending",
		}
		for _, word := range []string{"completed", "processing", "on-hold", "pending", "failed", "cancelled", "refunded", "checkout-draft"} {
			words["wc-"+word] = words[word]
		}
		return words
	}(),
}

// packed is one thing of several that stand in one column, by name: of a line its
// name, sku, quantity, total …
type packed map[string]string

// packedItems reads name:value|name:value;name:value|… as the plug-ins write what
// there are several of. A bar or semicolon within a value belongs to it.
func packedItems(text string) (all []packed) {
	name, from := "", 0 // of the value that is being read
	end := func(at int) {
		if name != "" {
			all[len(all)-1][name] = strings.TrimSpace(text[from:at])
		}
	}
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexAny(text[at:], "|;"); i >= 0 {
			next = at + i
		}
		part := text[at:next]
		begins := at == 0 || text[at-1] == ';' && firstOfItem.MatchString(part)
		if begins || text[at-1] == '|' {
			if found := packedName.FindStringSubmatch(part); found != nil || begins {
				end(at - 1)
				if name = ""; begins {
					all = append(all, packed{})
				}
				if found != nil {
					name, from = found[1], at+len(found[0])
				}
			}
		}
		at = next + 1
	}
	if end(len(strings.TrimRight(text, ";"))); len(all) == 1 && len(all[0]) == 0 {
		return nil
	}
	return all
}

var (
	packedName  = regexp.MustCompile(`^(_?[a-z]+(?:_[a-z]+)*):`)
	firstOfItem = regexp.MustCompile(`^(id|name|code|amount):`)
)

// unpack returns the values of one name of a packed text, or the text itself where it
// is not packed.
func unpack(text, name string) (values []string) {
	if !strings.Contains(text, name+":") {
		return []string{text}
	}
	for _, item := range packedItems(text) {
		if item[name] != "" {
			values = append(values, item[name])
		}
	}
	return values
}
