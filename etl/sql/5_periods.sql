-- typed → one row per date of usable lines, from which frequency, grid and origin are
-- decided.
SELECT date, count(*) AS row_count, count(units) AS sold,
       count_if(open IS NULL OR open <> 0) AS trading, min(line_no) AS first_line
FROM typed WHERE rule IS NULL GROUP BY date
