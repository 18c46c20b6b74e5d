package duckdb

import "github.com/skucast/skucast/etl"

// complete adds to the quality what is known once every bucket is written.
func complete(q *etl.Quality, job Job, out output) {
	staged := out.source.staged
	q.File = job.Drop.Blob
	q.Mapping = out.params.Mapping
	q.Separator = out.params.Separator
	q.Frequency, q.Origin = out.timeline.Grid.Frequency, out.timeline.Grid.Origin
	q.Rows.Read = q.Rows.Accepted + q.Rows.Rejected
	q.Rules[etl.RuleBlankLine] = staged.Lines - q.Rows.Read
	q.Rules[etl.RuleTitleLine] = staged.Titles
	q.Rules[etl.RuleDecodedCP1252] = staged.CP1252Lines
	for _, p := range out.sales {
		q.SalesRows += p.rows
	}
}
