package etl

// Rules that a line can break. The shared SQL spells the same names; a test compares.
const (
	RuleUnbalancedQuote    = "unbalanced_quote"
	RuleFieldCount         = "field_count"
	RuleRepeatedHeader     = "repeated_header"
	RuleSKUMissing         = "sku_missing"
	RuleStoreMissing       = "store_missing"
	RuleKeyUnusable        = "key_unusable"
	RuleExcludedSKU        = "excluded_sku"
	RuleDateMissing        = "date_missing"
	RuleDateUnreadable     = "date_unreadable"
	RuleQuantityUnreadable = "quantity_unreadable"
	RuleIsolatedDate       = "isolated_date"
	RuleOffGrid            = "off_grid"
	RulePartialPeriod      = "partial_period"
	RuleSaleInFuture       = "sale_in_future"
	RuleDuplicateLine      = "duplicate_line"

	RuleQuantityMissing     = "quantity_missing"
	RuleFutureInput         = "future_input"
	RuleReturned            = "returned"
	RuleCancelledPair       = "cancelled_pair"
	RuleGiantQuantity       = "giant_quantity"
	RuleSerialDate          = "serial_date"
	RulePriceUnreadable     = "price_unreadable"
	RulePriceNotPositive    = "price_not_positive"
	RuleFlagUnreadable      = "flag_unreadable"
	RuleStockUnreadable     = "stock_unreadable"
	RuleRegressorUnreadable = "regressor_unreadable"
	RuleSummed              = "summed"
	RuleDecodedCP1252       = "decoded_cp1252"
	RuleBlankLine           = "blank_line"
	RuleTitleLine           = "title_line"
)

// Effect is what a rule does to a line.
type Effect string

// The three effects of a rule.
const (
	Rejected Effect = "rejected" // the line is left out and listed in rejects.csv
	Repaired Effect = "repaired" // the line is used after a documented change
	Counted  Effect = "counted"  // the line is used as it is
)

// Rule is one row of the table in docs/input.md.
type Rule struct {
	Name    string
	Effect  Effect
	Meaning string
}

// Rules lists every rule in the order in which they are tried: a rejected line breaks the
// first that applies. All of them are keys of quality.json.
func Rules() []Rule {
	return []Rule{
		{RuleUnbalancedQuote, Rejected, "an odd number of quotation marks; a line break inside quotes breaks both halves"},
		{RuleFieldCount, Rejected, "more or fewer fields than the header (empty ones too many at the end are fine)"},
		{RuleRepeatedHeader, Rejected, "the header again, as in files that were put together"},
		{RuleSKUMissing, Rejected, "the SKU is empty"},
		{RuleStoreMissing, Rejected, "the file has a store column and it is empty here"},
		{RuleKeyUnusable, Rejected, "SKU or store has a control character or more than 200 characters"},
		{RuleExcludedSKU, Rejected, "the SKU is one of the codes that exclude_skus names as no products; none by default"},
		{RuleDateMissing, Rejected, "the date is empty"},
		{RuleDateUnreadable, Rejected, "the date is none in the file's order of day and month, or not between 1900 and 2199"},
		{RuleQuantityUnreadable, Rejected, "the quantity is not a number of at most 12 digits before the decimal mark"},
		{RuleIsolatedDate, Rejected, "more than a year from the rest, on a side with under 0.1 % of the rows"},
		{RuleOffGrid, Rejected, "not on the weekday, or day of the month, of 99.9 % of the rows"},
		{RulePartialPeriod, Rejected, "in a first or last week or month that the file covers only in part (only with --freq)"},
		{RuleSaleInFuture, Rejected, "a quantity for a period after the one in which the file arrived"},
		{RuleDuplicateLine, Rejected, "an exact copy of an earlier line, where duplicates is drop; by default it is a further sale"},

		{RuleQuantityMissing, Counted, "an empty quantity at or before the origin: the period is missing, not zero"},
		{RuleFutureInput, Counted, "an empty quantity after the origin: price, promotion or opening known in advance"},
		{RuleReturned, Counted, "a negative quantity, kept in a column of its own"},
		{RuleCancelledPair, Repaired, "a quantity and its exact opposite of the same SKU, store, day and price: neither counts"},
		{RuleGiantQuantity, Counted, "a period a hundred times as large as the other periods of its series; listed, never changed"},
		{RuleSerialDate, Repaired, "the date is a spreadsheet's day number, as 45989 for 2025-11-28"},
		{RulePriceUnreadable, Repaired, "the price is not a number; it counts as unknown"},
		{RulePriceNotPositive, Repaired, "the price is zero or negative; it counts as unknown"},
		{RuleFlagUnreadable, Repaired, "promo, open or in-stock is neither yes nor no; it counts as unknown"},
		{RuleStockUnreadable, Repaired, "the stock on hand is not a number; it counts as unknown"},
		{RuleRegressorUnreadable, Repaired, "a regressor is not a number; it counts as unknown"},
		{RuleSummed, Repaired, "a further line of the same SKU, store and period, summed into one row"},
		{RuleDecodedCP1252, Repaired, "the line is not UTF-8 and was read as Windows-1252"},
		{RuleBlankLine, Counted, "nothing but separators and spaces; not a row"},
		{RuleTitleLine, Counted, "a line above the header; not a row"},
	}
}
