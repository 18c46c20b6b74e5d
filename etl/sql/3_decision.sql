-- parsed, dates → one row: what shows the order of day and month, and how quantities and
-- prices use commas and points.
SELECT only_dmy, only_mdy, either_order, same_order,
       u_texts, u_comma, u_point, u_comma_three, u_point_three,
       p_texts, p_comma, p_point, p_comma_three, p_point_three
FROM (SELECT coalesce(min(CASE WHEN dmy IS NOT NULL AND mdy IS NULL THEN first_line END), 0) AS only_dmy,
             coalesce(min(CASE WHEN mdy IS NOT NULL AND dmy IS NULL THEN first_line END), 0) AS only_mdy,
             coalesce(min(CASE WHEN dmy <> mdy THEN first_line END), 0) AS either_order,
             coalesce(min(CASE WHEN dmy = mdy THEN first_line END), 0) AS same_order
      FROM dates) AS d
CROSS JOIN (SELECT coalesce(sum(CASE WHEN kind = 'u' THEN n ELSE 0 END), 0) AS u_texts,
                   coalesce(sum(CASE WHEN kind = 'u' AND comma AND NOT point THEN n ELSE 0 END), 0) AS u_comma,
                   coalesce(sum(CASE WHEN kind = 'u' AND point AND NOT comma THEN n ELSE 0 END), 0) AS u_point,
                   coalesce(sum(CASE WHEN kind = 'u' AND comma_three THEN n ELSE 0 END), 0) AS u_comma_three,
                   coalesce(sum(CASE WHEN kind = 'u' AND point_three THEN n ELSE 0 END), 0) AS u_point_three,
                   coalesce(sum(CASE WHEN kind = 'p' THEN n ELSE 0 END), 0) AS p_texts,
                   coalesce(sum(CASE WHEN kind = 'p' AND comma AND NOT point THEN n ELSE 0 END), 0) AS p_comma,
                   coalesce(sum(CASE WHEN kind = 'p' AND point AND NOT comma THEN n ELSE 0 END), 0) AS p_point,
                   coalesce(sum(CASE WHEN kind = 'p' AND comma_three THEN n ELSE 0 END), 0) AS p_comma_three,
                   coalesce(sum(CASE WHEN kind = 'p' AND point_three THEN n ELSE 0 END), 0) AS p_point_three
            FROM (SELECT kind, n,
                         sk_rx(t, '(^[+-]?0?|[0-9]{4}),[0-9]+$|,[0-9]{1,2}$|,[0-9]{4,9}$|[.][0-9]{3},[0-9]*$|^[+-]?[0-9]{1,3}([.][0-9]{3}){2,}$') AS comma,
                         sk_rx(t, '(^[+-]?0?|[0-9]{4})[.][0-9]+$|[.][0-9]{1,2}$|[.][0-9]{4,9}$|,[0-9]{3}[.][0-9]*$|^[+-]?[0-9]{1,3}(,[0-9]{3}){2,}$') AS point,
                         sk_rx(t, '^[+-]?[1-9][0-9]{0,2},[0-9]{3}$') AS comma_three,
                         sk_rx(t, '^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}$') AS point_three
                  FROM (SELECT 'u' AS kind, sk_bare(units_text) AS t, count(*) AS n FROM parsed
                        WHERE rule IS NULL AND units_text <> '' GROUP BY sk_bare(units_text)
                        UNION ALL
                        SELECT 'p' AS kind, sk_bare(price_text) AS t, count(*) AS n FROM parsed
                        WHERE rule IS NULL AND price_text <> '' GROUP BY sk_bare(price_text)) AS texts) AS shapes) AS numbers
