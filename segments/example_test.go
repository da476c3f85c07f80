package segments_test

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/segments"
)

func Example() {
	r, err := segments.Parse(`orders >= 2 and days_since_last_order > 90`, segments.Scope{Currency: "EUR"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Words())
	where, args := r.SQL(segments.Query{Engine: "postgres", Day: loyalty.Date(1998, 6, 30)})
	fmt.Println(where)
	fmt.Println(args["r1"], args["r2"], loyalty.Day(args["r2"].(int64)))
	// Output:
	// Members who have at least 2 orders and who last ordered more than 90 days ago.
	// (f.orders >= @r1 and (f.last_day is not null and f.last_day < @r2))
	// 2 10317 1998-04-01
}

func ExampleParse_wrong() {
	const rule = `orders >= 5 and days_since_last_oder <= 90`
	_, err := segments.Parse(rule, segments.Scope{})
	fmt.Println(segments.FormatError(rule, err))
	// Output:
	// orders >= 5 and days_since_last_oder <= 90
	//                 ^
	// column 17: there is no field called days_since_last_oder; did you mean days_since_last_order?
}

func ExampleCatalogue() {
	for _, f := range segments.Catalogue()[:4] {
		fmt.Printf("%s: %s\n", f.Usage, f.Words)
	}
	// Output:
	// orders or orders("90d"): number of orders
	// spent or spent("90d"): amount spent
	// average_order or average_order("90d"): average order
	// largest_order or largest_order("90d"): largest order
}
