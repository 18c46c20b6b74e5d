-- written (one sales file, read back) → the largest period of a series that is more than a
-- hundred times the mean of its other periods with sales, of which there are at least ten.
SELECT w.sku, w.store, w.date, w.units
FROM written AS w
JOIN (SELECT sku, store, max(units) AS top, sum(CAST(CAST(floor(units * 10000 + 0.5) AS BIGINT) AS DECIMAL(20,0))) AS total, count_if(units > 0) AS n
      FROM written GROUP BY sku, store) AS s
  ON w.sku = s.sku AND w.store = s.store AND w.units = s.top
WHERE s.n > 10 AND s.top > 100 * (CAST(s.total AS DOUBLE) / 10000 - s.top) / (s.n - 1)
