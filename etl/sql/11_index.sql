-- written (sales files, read back, with the name of each row's file) → one row per series:
-- where its rows are. A file is sorted by sku, store, date, so positions are running sums. The hash is of the content:
-- the sum of the rows' hashes, so that it needs no order. Units are summed as whole ten
-- thousandths: engines cast doubles beyond 2^53 of them to decimals differently.
SELECT sku, store, file,
       CAST(sum(n) OVER (PARTITION BY file ORDER BY sku, store ROWS UNBOUNDED PRECEDING) - n AS BIGINT) AS first_row,
       CAST(n AS BIGINT) AS rows, first_date, last_date,
       CAST(units AS DOUBLE) / 10000 AS units,
       md5(concat(CAST(n AS STRING), ' ', CAST(content AS STRING))) AS hash
FROM (SELECT sku, store, file, count(*) AS n, min(date) AS first_date, max(date) AS last_date,
             sum(CAST(CAST(floor(units * 10000 + 0.5) AS BIGINT) AS DECIMAL(20,0))) AS units,
             sum(CAST(sk_hex(md5(concat(CAST(date AS STRING), ' ',
               coalesce(CAST(CAST(floor(units * 10000 + 0.5) AS BIGINT) AS STRING), ''), ' ',
               coalesce(CAST(CAST(floor(returned * 10000 + 0.5) AS BIGINT) AS STRING), ''), ' ',
               coalesce(CAST(CAST(floor(price * 10000 + 0.5) AS BIGINT) AS STRING), ''), ' ',
               coalesce(CAST(promo AS STRING), ''), ' ', coalesce(CAST(open AS STRING), ''), ' ',
               coalesce(CAST(in_stock AS STRING), ''), ' ',
               coalesce(CAST(CAST(floor(stock * 10000 + 0.5) AS BIGINT) AS STRING), '')${r_hash})), 1, 15) AS DECIMAL(20,0))) AS content
      FROM written GROUP BY sku, store, file) AS series
