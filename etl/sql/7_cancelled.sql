-- judged → what cancelled out, per SKU, store and period: a quantity and its exact opposite
-- of one day at one price are an order that was taken back, not demand and not a return.
-- Lines with a negative quantity are few, so the join is free for clean files.
SELECT sku, store, period, sum(n) AS pairs, sum(n * units) AS units,
       sum(CAST(n * units AS DECIMAL(20,4)) * price) AS amount,
       sum(CASE WHEN price IS NOT NULL THEN n * units END) AS priced
FROM (SELECT b.sku, b.store, b.period, b.units, b.price, CAST(least(b.n, s.n) AS INT) AS n
      FROM (SELECT sku, store, period, date_text, -units AS units, price, count(*) AS n
            FROM judged WHERE rule IS NULL AND units < 0
            GROUP BY sku, store, period, date_text, units, price) AS b
      JOIN (SELECT sku, store, period, date_text, units, price, count(*) AS n
            FROM judged WHERE rule IS NULL AND units > 0
            GROUP BY sku, store, period, date_text, units, price) AS s
        ON b.sku = s.sku AND b.store = s.store AND b.period = s.period AND b.date_text = s.date_text
       AND b.units = s.units AND coalesce(b.price, 0) = coalesce(s.price, 0)) AS pairs
GROUP BY sku, store, period
