-- judged → the refused lines: which column shows it, and its text.
SELECT line_no,
       CASE WHEN rule IN ('unbalanced_quote', 'field_count', 'repeated_header', 'duplicate_line') THEN ''
            WHEN rule IN ('sku_missing', 'key_unusable', 'excluded_sku') THEN 'sku'
            WHEN rule = 'store_missing' THEN 'store'
            WHEN rule = 'quantity_unreadable' THEN 'units'
            ELSE 'date' END AS meaning,
       substr(CASE WHEN rule IN ('unbalanced_quote', 'field_count', 'repeated_header', 'duplicate_line', 'store_missing') THEN ''
                   WHEN rule IN ('sku_missing', 'key_unusable', 'excluded_sku') THEN sku
                   WHEN rule = 'quantity_unreadable' THEN units_text
                   ELSE date_text END, 1, 100) AS value,
       rule
FROM judged WHERE rule IS NOT NULL
