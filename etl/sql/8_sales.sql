-- judged, cancelled → one row per SKU, store and period, without what cancelled. The price is the quantity-weighted mean, or
-- the plain one where nothing was sold; flags are any, stock and regressors the largest.
SELECT sku, store, date,
       CAST(sold AS DOUBLE) AS units,
       CAST(returned AS DOUBLE) AS returned,
       CASE WHEN priced > 0 THEN floor(CAST(amount AS DOUBLE) / CAST(priced AS DOUBLE) * 10000 + 0.5) / 10000
            WHEN n_prices > 0 THEN floor(CAST(prices AS DOUBLE) / CAST(n_prices AS DOUBLE) * 10000 + 0.5) / 10000
            END AS price,
       CAST(promo AS INT) AS promo, CAST(open AS INT) AS open, CAST(in_stock AS INT) AS in_stock,
       CAST(stock AS DOUBLE) AS stock${r_doubles}
FROM (SELECT s.sku, s.store, s.period AS date,
             s.sold - coalesce(c.units, 0) AS sold, s.returned - coalesce(c.units, 0) AS returned,
             s.amount - coalesce(c.amount, 0) AS amount, s.priced - coalesce(c.priced, 0) AS priced,
             s.prices, s.n_prices, s.promo, s.open, s.in_stock, s.stock${s_names}
      FROM (SELECT sku, store, period,
                   sum(CASE WHEN units > 0 THEN units WHEN units <= 0 THEN CAST(0 AS DECIMAL(16,4)) END) AS sold,
                   sum(CASE WHEN units < 0 THEN -units WHEN units >= 0 THEN CAST(0 AS DECIMAL(16,4)) END) AS returned,
                   sum(CASE WHEN units > 0 THEN CAST(units AS DECIMAL(20,4)) * price END) AS amount,
                   sum(CASE WHEN units > 0 AND price IS NOT NULL THEN units END) AS priced,
                   sum(price) AS prices, count(price) AS n_prices,
                   max(promo) AS promo, max(open) AS open, max(in_stock) AS in_stock, max(stock) AS stock${r_max}
            FROM judged WHERE rule IS NULL GROUP BY sku, store, period) AS s
      LEFT JOIN cancelled AS c ON s.sku = c.sku AND s.store = c.store AND s.period = c.period) AS summed
