-- lines(line_no, line) → the texts of the used columns, the bucket, and what is wrong with
-- the line itself. Lines of separators and spaces only are left out.
SELECT line_no,
       ${bucket} AS bucket,
       sku, store,
       CASE WHEN length(date_text) > 10
             AND sk_rx(date_text, '^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[ T][0-9]{1,2}:[0-9]{2}([:.+Z -]|[0-9]|[AaPp][.]?[Mm])*$')
            THEN split_part(translate(date_text, 'T', ' '), ' ', 1)
            WHEN length(date_text) > 10 AND contains(date_text, ':') AND sk_rx(date_text, ${named_month})
            THEN substr(date_text, 1, instr(date_text, ':') - 1)
            ELSE date_text END AS date_text,
       units_text, price_text, promo_text, open_text, in_stock_text, stock_text${names}${line_hash},
       CASE WHEN contains(line, '"') AND (length(line) - length(replace(line, '"', ''))) % 2 = 1 THEN 'unbalanced_quote'
            WHEN n < ${fields} OR n > ${fields} + 999 OR n > ${fields} AND NOT sk_rx(line, concat('(', ${trailing}, '){', CAST(greatest(n - ${fields}, 1) AS STRING), '}$')) THEN 'field_count'
            WHEN ${repeated_header} THEN 'repeated_header'
            WHEN sku = '' THEN 'sku_missing'
            WHEN store = '' THEN 'store_missing'
            WHEN sk_rx(sku, ${controls}) OR sk_rx(store, ${controls}) OR length(sku) > 200 OR length(store) > 200 THEN 'key_unusable'
            WHEN ${excluded} THEN 'excluded_sku'
            END AS rule
FROM (SELECT line_no, line, f, sk_len(f) AS n,
             ${fold}(coalesce(sk_key(${sku}), '')) AS sku,
             coalesce(sk_key(${store}), '') AS store,
             coalesce(sk_trim(${date}), '') AS date_text,
             coalesce(sk_trim(${units}), '') AS units_text,
             coalesce(sk_trim(${price}), '') AS price_text,
             coalesce(sk_trim(${promo}), '') AS promo_text,
             coalesce(sk_trim(${open}), '') AS open_text,
             coalesce(sk_trim(${in_stock}), '') AS in_stock_text,
             coalesce(sk_trim(${stock}), '') AS stock_text${texts}
      FROM (SELECT line_no, line, sk_fields(line, ${separator}) AS f
            FROM (SELECT line_no, coalesce(line, '') AS line FROM lines) AS l
            WHERE NOT sk_rx(line, ${nothing})) AS split) AS fields
