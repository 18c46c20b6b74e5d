-- written (every sales file, read back) → one row per store and period that has a row.
-- open is the largest known flag: 0 only if no row says otherwise.
SELECT store, date, CAST(count(*) AS BIGINT) AS lines,
       CAST(sum(CAST(CAST(floor(units * 10000 + 0.5) AS BIGINT) AS DECIMAL(20,0))) AS DOUBLE) / 10000 AS units,
       CAST(max(open) AS INT) AS open
FROM written GROUP BY store, date
