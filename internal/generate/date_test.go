package generate_test

import (
	"testing"

	"github.com/skucast/skucast/shared/retail"
)

func date(t *testing.T, s string) retail.Date {
	t.Helper()
	d, err := retail.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
