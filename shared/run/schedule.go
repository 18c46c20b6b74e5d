package run

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
)

// RetrainDue returns the date whose retraining is due at now: the latest date of the
// schedule that is not after now and is later than last, the feed's last claim. Dates that
// were missed before it are not made up.
func RetrainDue(schedule string, now time.Time, last retail.Date) (retail.Date, bool) {
	kind, when, _ := strings.Cut(schedule, ":")
	today := retail.DateOf(now)
	var due retail.Date
	switch kind {
	case "weekly":
		day := slices.Index([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, when)
		if day < 0 {
			return 0, false
		}
		due = today - retail.Date((today.Weekday()-day+7)%7)
	case "monthly":
		day, err := strconv.Atoi(when)
		if err != nil || day < 1 || day > 28 {
			return 0, false
		}
		y, m, d := today.Civil()
		if d < day {
			m--
		}
		due = retail.NewDate(y, m, day)
	default:
		return 0, false
	}
	return due, due > last
}

// DropsToClaim picks, from the blobs under incoming/, those that reconcile must look at:
// the newest of each feed, and every one younger than window. An older file of a feed was
// either claimed in its time or has been superseded since. One that was written less than
// rest ago is left to its event: on a disk it may still be growing.
func DropsToClaim(blobs []blobstore.Info, now time.Time, rest, window time.Duration) []blobstore.Info {
	newest := map[string]blobstore.Info{}
	var picked []blobstore.Info
	for _, b := range blobs {
		feed, ok := Feed(strings.TrimPrefix(b.Name, blobstore.RawData+"/"))
		if !ok || now.Sub(b.LastModified) < rest {
			continue
		}
		if n, seen := newest[feed]; !seen || olderThan(n, b) {
			newest[feed] = b
		}
		if now.Sub(b.LastModified) < window {
			picked = append(picked, b)
		}
	}
	for _, b := range newest {
		if now.Sub(b.LastModified) >= window {
			picked = append(picked, b)
		}
	}
	slices.SortFunc(picked, func(a, b blobstore.Info) int {
		return cmp.Or(a.LastModified.Compare(b.LastModified), strings.Compare(a.Name, b.Name))
	})
	return picked
}

func olderThan(a, b blobstore.Info) bool {
	return cmp.Or(a.LastModified.Compare(b.LastModified), strings.Compare(a.Name, b.Name)) < 0
}
