-- parsed → one row per distinct date text: the dates it may mean. Parsing a few hundred
-- texts once costs nothing; the rows find theirs by a join.
SELECT text, row_count, first_line,
       CASE WHEN ymd >= '1900' AND ymd < '2200' THEN try_cast(ymd AS DATE) END AS iso,
       CASE WHEN dmy >= '1900' AND dmy < '2200' THEN try_cast(dmy AS DATE) END AS dmy,
       CASE WHEN mdy >= '1900' AND mdy < '2200' THEN try_cast(mdy AS DATE) END AS mdy
FROM (SELECT text, row_count, first_line,
             CASE WHEN sk_rx(text, '^[0-9]{8}$') THEN substr(text, 1, 4) || '-' || substr(text, 5, 2) || '-' || substr(text, 7, 2)
                  WHEN sk_rx(text, '^[0-9]{4}-[0-9]{2}$') THEN text || '-01'
                  WHEN sk_rx(text, '^[0-9]{4}([-/.])[0-9]{1,2}[-/.][0-9]{1,2}$') THEN a || '-' || lpad(b, 2, '0') || '-' || lpad(c, 2, '0')
                  END AS ymd,
             CASE WHEN two THEN year || '-' || lpad(b, 2, '0') || '-' || lpad(a, 2, '0') END AS dmy,
             CASE WHEN two THEN year || '-' || lpad(a, 2, '0') || '-' || lpad(b, 2, '0') END AS mdy
      FROM (SELECT text, row_count, first_line, a, b, c,
                   sk_rx(text, '^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}$') OR sk_rx(text, '^[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2}$') AS two,
                   CASE WHEN length(c) = 2 THEN '20' || c ELSE c END AS year
            FROM (SELECT text, row_count, first_line,
                         split_part(translate(text, '/.', '--'), '-', 1) AS a,
                         split_part(translate(text, '/.', '--'), '-', 2) AS b,
                         split_part(translate(text, '/.', '--'), '-', 3) AS c
                  FROM (SELECT date_text AS text, count(*) AS row_count, min(line_no) AS first_line
                        FROM parsed WHERE rule IS NULL GROUP BY date_text) AS distinct_texts) AS parts) AS kinds) AS spelled
