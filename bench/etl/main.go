// Command etl times the transform of a dropped file as the product runs it: a process of
// its own, from the drop to the manifest.
//
//	etl -skucast PROGRAM [-spark PROGRAM] [-data DIR] [-work DIR] [-rows N] [-big N] [-note TEXT] [-into FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/skucast/skucast/bench/internal/marked"
)

func main() {
	var b bench
	flag.StringVar(&b.skucast, "skucast", "bin/skucast", "the `program` whose ETL is timed")
	flag.StringVar(&b.spark, "spark", "", "the `program` that runs the Spark job, which tools/spark/job.sh prints; without it there is no peer")
	flag.StringVar(&b.data, "data", "../shared/data", "`folder` of the real files; those that are absent are left out")
	flag.StringVar(&b.work, "work", ".cache/bench/etl", "`folder` for generated files and results, about five times the largest file")
	flag.IntVar(&b.rows, "rows", 10_000_000, "about so many `rows` in the file that both engines read")
	flag.IntVar(&b.big, "big", 60_000_000, "about so many `rows` in the file that shows how memory grows; 0: none")
	note := flag.String("note", "", "`text` to print first: machine and versions")
	into := flag.String("into", "", "put the table between the marks of this Markdown `file` too")
	flag.Parse()
	if err := b.report(*note, *into); err != nil {
		fmt.Fprintln(os.Stderr, "etl:", err)
		os.Exit(1)
	}
}

func (b bench) report(note, into string) error {
	rows, err := b.measure(context.Background())
	if err != nil {
		return err
	}
	text := note + "\n\n" + table(rows)
	fmt.Print(text)
	if into != "" {
		return marked.Insert(into, "bench/etl/run", text)
	}
	return nil
}
