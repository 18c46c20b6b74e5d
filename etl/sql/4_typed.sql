-- parsed, dates → typed values and the first rule that the line breaks on its own.
-- Quantities and money stay decimals, so that sums do not depend on their order.
SELECT line_no, bucket, sku, store, date, date_text, units_text, units${line_id},
       CASE WHEN price > 0 THEN price END AS price,
       promo, open, in_stock, stock${r_names},
       price IS NULL AND NOT sk_blank(price_text) AS price_bad,
       price IS NOT NULL AND price <= 0 AS price_low,
       (promo IS NULL AND NOT sk_blank(promo_text)) OR (open IS NULL AND NOT sk_blank(open_text))
         OR (in_stock IS NULL AND NOT sk_blank(in_stock_text)) AS flag_bad,
       stock IS NULL AND NOT sk_blank(stock_text) AS stock_bad,
       ${r_bad} AS regressor_bad,
       CASE WHEN rule IS NOT NULL THEN rule
            WHEN date_text = '' THEN 'date_missing'
            WHEN date IS NULL THEN 'date_unreadable'
            WHEN units IS NULL AND NOT sk_blank(units_text) THEN 'quantity_unreadable'
            END AS rule
FROM (SELECT p.line_no, p.bucket, p.sku, p.store, p.rule, p.date_text, p.units_text,
             p.price_text, p.promo_text, p.open_text, p.in_stock_text, p.stock_text${p_names}${p_line_id},
             coalesce(d.iso, d.${date_order}) AS date,
             try_cast(sk_num(p.units_text, '${number_style}') AS DECIMAL(16,4)) AS units,
             try_cast(sk_num(p.price_text, '${number_style}') AS DECIMAL(12,4)) AS price,
             sk_flag(p.promo_text) AS promo,
             sk_flag(p.open_text) AS open,
             sk_flag(p.in_stock_text) AS in_stock,
             try_cast(sk_num(p.stock_text, '${number_style}') AS DECIMAL(16,4)) AS stock${r_values}
      FROM parsed AS p LEFT JOIN dates AS d ON p.date_text = d.text) AS cast_values
