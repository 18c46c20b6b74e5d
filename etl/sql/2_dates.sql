-- parsed → one row per distinct date text: the dates it may mean. Parsing a few hundred
-- texts once costs nothing; the rows find theirs by a join. A month's name decides what is
-- what; five digits are the day number of a spreadsheet (day 1 is the last of 1899).
SELECT text, row_count, first_line,
       CASE WHEN serial IS NOT NULL THEN CAST('1899-12-30' AS DATE) + serial
            WHEN ymd >= '1900' AND ymd < '2200' THEN try_cast(ymd AS DATE) END AS iso,
       CASE WHEN dmy >= '1900' AND dmy < '2200' THEN try_cast(dmy AS DATE) END AS dmy,
       CASE WHEN mdy >= '1900' AND mdy < '2200' THEN try_cast(mdy AS DATE) END AS mdy
FROM (SELECT text, row_count, first_line,
             CASE WHEN sk_rx(text, '^[2-7][0-9]{4}([.,][0-9]{1,12})?$') THEN CAST(substr(text, 1, 5) AS INT) END AS serial,
             CASE WHEN sk_rx(text, '^[0-9]{8}$') THEN substr(text, 1, 4) || '-' || substr(text, 5, 2) || '-' || substr(text, 7, 2)
                  WHEN sk_rx(text, '^[0-9]{4}-[0-9]{2}$') THEN text || '-01'
                  WHEN sk_rx(text, '^[0-9]{4}([-/.])[0-9]{1,2}[-/.][0-9]{1,2}$') THEN a || '-' || lpad(b, 2, '0') || '-' || lpad(c, 2, '0')
                  WHEN sk_rx(w4, '^[0-9]{0,2}$') AND sk_rx(w1, '^[0-9]{1,2}$') AND sk_month(w2) <> '' AND sk_rx(w3, '^([0-9]{2}|[0-9]{4})$')
                  THEN CASE WHEN length(w3) = 2 THEN '20' || w3 ELSE w3 END || '-' || sk_month(w2) || '-' || lpad(w1, 2, '0')
                  WHEN sk_rx(w4, '^[0-9]{0,2}$') AND sk_month(w1) <> '' AND sk_rx(w2, '^[0-9]{1,2}$') AND sk_rx(w3, '^[0-9]{4}$') THEN w3 || '-' || sk_month(w1) || '-' || lpad(w2, 2, '0')
                  WHEN sk_rx(w4, '^[0-9]{0,2}$') AND sk_rx(w1, '^[0-9]{4}$') AND sk_month(w2) <> '' AND sk_rx(w3, '^[0-9]{1,2}$') THEN w1 || '-' || sk_month(w2) || '-' || lpad(w3, 2, '0')
                  WHEN sk_month(w1) <> '' AND sk_rx(w2, '^[0-9]{4}$') AND w3 = '' THEN w2 || '-' || sk_month(w1) || '-01'
                  END AS ymd,
             CASE WHEN two THEN year || '-' || lpad(b, 2, '0') || '-' || lpad(a, 2, '0') END AS dmy,
             CASE WHEN two THEN year || '-' || lpad(a, 2, '0') || '-' || lpad(b, 2, '0') END AS mdy
      FROM (SELECT text, row_count, first_line, a, b, c,
                   split_part(words, ' ', 1) AS w1, split_part(words, ' ', 2) AS w2, split_part(words, ' ', 3) AS w3, split_part(words, ' ', 4) AS w4,
                   sk_rx(text, '^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}$') OR sk_rx(text, '^[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2}$') AS two,
                   CASE WHEN length(c) = 2 THEN '20' || c ELSE c END AS year
            FROM (SELECT text, row_count, first_line,
                         replace(translate(text, '-/.,', '    '), '  ', ' ') AS words,
                         split_part(translate(text, '/.', '--'), '-', 1) AS a,
                         split_part(translate(text, '/.', '--'), '-', 2) AS b,
                         split_part(translate(text, '/.', '--'), '-', 3) AS c
                  FROM (SELECT date_text AS text, count(*) AS row_count, min(line_no) AS first_line
                        FROM parsed WHERE rule IS NULL GROUP BY date_text) AS distinct_texts) AS parts) AS kinds) AS spelled
