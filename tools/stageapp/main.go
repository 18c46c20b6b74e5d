// Command stageapp writes the folder that is zipped and deployed to Azure: host.json, the
// function folders and the static function app. See make app.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/skucast/skucast/functions"
)

func main() {
	out := flag.String("out", "dist", "folder to write; replaced if it is an earlier staging")
	host := flag.String("host", "host.json", "host.json to stage")
	binary := flag.String("binary", "bin/functionapp", "static linux/amd64 function app")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "stageapp: unknown argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	hostJSON, err := os.ReadFile(*host)
	if err == nil {
		err = functions.Stage(*out, hostJSON, *binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stageapp:", err)
		os.Exit(1)
	}
}
