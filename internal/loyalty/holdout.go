package loyalty

import "fmt"

// Buckets is the number of groups that members fall into for each campaign: a
// holdout is given per mille.
const Buckets = 1000

// prime is 2^31-1: products of two numbers below it fit into a bigint.
const prime = 1<<31 - 1

// Bucket returns the group of a member in a campaign, 0 to 999: always the same,
// and independent from the member's group in another campaign. Those below the
// campaign's per mille are its holdout. BucketSQL is the same in SQL, so the
// arithmetic is what every database has: + * % on whole numbers.
func Bucket(campaign, member int64) int { return int(Shuffle(campaign, member) % Buckets) }

// Shuffle returns a number from 0 to 2^31-2 that has nothing to do with the
// member's id, always the same for one seed. ShuffleSQL is the same in SQL.
func Shuffle(seed, member int64) int64 {
	h := (member%prime*48271 + seed%prime*69621 + 12345) % prime
	h = (h*h + seed%prime*16807 + 1) % prime
	return (h*h + 40692) % prime
}

// BucketSQL returns Bucket as an SQL expression over two others. They are
// repeated: columns and parameters, no subqueries.
func BucketSQL(campaign, member string) string {
	return fmt.Sprintf("(%s %% %d)", ShuffleSQL(campaign, member), Buckets)
}

// ShuffleSQL returns Shuffle as an SQL expression over two
// others: sorted by it, then by member, members stand in an order that has
// nothing to do with their ids, always the same for one seed. Like BucketSQL it
// repeats its parts.
func ShuffleSQL(seed, member string) string {
	h := fmt.Sprintf("((%s %% %d * 48271 + %s %% %d * 69621 + 12345) %% %d)", member, prime, seed, prime, prime)
	h = fmt.Sprintf("((%s * %s + %s %% %d * 16807 + 1) %% %d)", h, h, seed, prime, prime)
	return fmt.Sprintf("((%s * %s + 40692) %% %d)", h, h, prime)
}
