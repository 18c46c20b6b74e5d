-- typed, periods → every line with its period and the first rule that it breaks.
SELECT t.line_no, t.sku, t.store, p.label AS period, t.date_text, t.units_text,
       t.units, t.price, t.promo, t.open, t.in_stock, t.stock${t_names},
       t.price_bad, t.price_low, t.flag_bad, t.stock_bad, t.regressor_bad,
       coalesce(t.rule, p.rule, CASE WHEN t.units IS NOT NULL THEN p.sold_rule END,
                CASE WHEN ${duplicate} THEN 'duplicate_line' END) AS rule
FROM typed AS t LEFT JOIN periods AS p ON t.date = p.date
