-- What DuckDB and Spark spell differently, for Spark 4. DuckDB's prelude defines the same
-- names; nothing else in the shared statements may depend on the engine.

CREATE OR REPLACE TEMPORARY FUNCTION sk_rx(s STRING, re STRING) RETURNS BOOLEAN RETURN s RLIKE re;
CREATE OR REPLACE TEMPORARY FUNCTION sk_at(a ARRAY<STRING>, i INT) RETURNS STRING RETURN get(a, i - 1);
CREATE OR REPLACE TEMPORARY FUNCTION sk_len(a ARRAY<STRING>) RETURNS INT RETURN size(a);
CREATE OR REPLACE TEMPORARY FUNCTION sk_trim(s STRING) RETURNS STRING RETURN
  trim(BOTH decode(unhex('20C2A0E19A80E28080E28081E28082E28083E28084E28085E28086E28087E28088E28089E2808AE280AFE2819FE38080'), 'UTF-8') FROM s);
CREATE OR REPLACE TEMPORARY FUNCTION sk_hex(s STRING, a INT, n INT) RETURNS BIGINT RETURN CAST(conv(substr(s, a, n), 16, 10) AS BIGINT);
CREATE OR REPLACE TEMPORARY FUNCTION sk_text(h STRING) RETURNS STRING RETURN decode(unhex(h), 'UTF-8');

-- The fields of a line. Only a line with a quotation mark pays for the regular expression.
CREATE OR REPLACE TEMPORARY FUNCTION sk_fields(line STRING, d STRING) RETURNS ARRAY<STRING> RETURN CASE WHEN contains(line, '"')
  THEN transform(regexp_extract_all(concat(line, d), concat('("[^"]*(?:""[^"]*)*"|[^', d, ']*)[', d, ']'), 1),
                 x -> CASE WHEN left(x, 1) = '"' AND right(x, 1) = '"' AND length(x) > 1
                           THEN replace(substr(x, 2, length(x) - 2), '""', '"') ELSE x END)
  ELSE split(line, concat('[', d, ']'), -1) END;

-- From here on the bodies are the same in both engines.

-- A key without spaces around it and without the ="…" that keeps a spreadsheet from reading
-- a code as a number.
CREATE OR REPLACE TEMPORARY FUNCTION sk_key(s STRING) RETURNS STRING RETURN CASE
  WHEN left(s, 2) = '="' AND sk_rx(s, '^="[^"]*" *$') THEN sk_trim(replace(substr(s, 3), '"', ''))
  ELSE sk_trim(s) END;

-- A key as it is, and one in capital letters (ASCII only: engines differ beyond).
CREATE OR REPLACE TEMPORARY FUNCTION sk_same(s STRING) RETURNS STRING RETURN s;
CREATE OR REPLACE TEMPORARY FUNCTION sk_upper(s STRING) RETURNS STRING RETURN CASE WHEN sk_rx(s, '[a-z]') THEN translate(s, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') ELSE s END;

-- The number of a month by its name or the beginning of it, two digits; an empty text for
-- any other word.
CREATE OR REPLACE TEMPORARY FUNCTION sk_letters(s STRING) RETURNS STRING RETURN translate(s, 'ABCDEFGHIJKLMNOPQRSTUVWXYZäÄéÉûÛçÇ', 'abcdefghijklmnopqrstuvwxyzaaeeuucc');
CREATE OR REPLACE TEMPORARY FUNCTION sk_month(s STRING) RETURNS STRING RETURN CASE
  WHEN NOT sk_rx(s, '^[A-Za-zäÄéÉûÛçÇ]{3,10}$') THEN ''
  WHEN substr(sk_letters(s), 1, 4) IN ('juin', 'giug') THEN '06'
  WHEN substr(sk_letters(s), 1, 4) IN ('juil', 'lugl') THEN '07'
  WHEN substr(sk_letters(s), 1, 3) IN ('jan', 'ene', 'gen') THEN '01'
  WHEN substr(sk_letters(s), 1, 3) IN ('feb', 'fev') THEN '02'
  WHEN substr(sk_letters(s), 1, 3) IN ('mar', 'maa', 'mrz', 'mrt') THEN '03'
  WHEN substr(sk_letters(s), 1, 3) IN ('apr', 'avr', 'abr') THEN '04'
  WHEN substr(sk_letters(s), 1, 3) IN ('may', 'mai', 'mei', 'mag') THEN '05'
  WHEN substr(sk_letters(s), 1, 3) IN ('jun', 'giu') THEN '06'
  WHEN substr(sk_letters(s), 1, 3) IN ('jul', 'lug') THEN '07'
  WHEN substr(sk_letters(s), 1, 3) IN ('aug', 'aou', 'ago') THEN '08'
  WHEN substr(sk_letters(s), 1, 3) IN ('sep', 'set') THEN '09'
  WHEN substr(sk_letters(s), 1, 3) IN ('oct', 'okt', 'ott', 'out') THEN '10'
  WHEN substr(sk_letters(s), 1, 3) = 'nov' THEN '11'
  WHEN substr(sk_letters(s), 1, 3) IN ('dec', 'dez', 'dic') THEN '12'
  ELSE '' END;

-- Words that stand for "no value".
CREATE OR REPLACE TEMPORARY FUNCTION sk_blank(s STRING) RETURNS BOOLEAN RETURN s = '' OR s IN ('-', 'NA', 'na', 'N/A', 'n/a', '#N/A', 'NULL', 'null', 'NaN', 'nan', 'NAN', 'None', 'none');

-- A number with a decimal point, digits grouped by commas or not, as text that casts to
-- DECIMAL; NULL for everything else.
CREATE OR REPLACE TEMPORARY FUNCTION sk_point(t STRING) RETURNS STRING RETURN CASE
  WHEN sk_rx(t, '^[+-]?[0-9]{1,12}([.][0-9]{0,9})?$') THEN t
  WHEN sk_rx(t, '^[+-]?[.][0-9]{1,9}$') THEN replace(t, '.', '0.')
  WHEN sk_rx(t, '^[+-]?[0-9]{1,3}(,[0-9]{3}){1,3}([.][0-9]{0,9})?$') THEN replace(t, ',', '')
  END;

-- A minus at the end or parentheses, as accounting systems write what comes back.
CREATE OR REPLACE TEMPORARY FUNCTION sk_sign(t STRING) RETURNS STRING RETURN CASE
  WHEN sk_rx(t, '^[0-9.,]+-$') THEN concat('-', substr(t, 1, length(t) - 1))
  WHEN sk_rx(t, '^[(][0-9.,]+[)]$') THEN concat('-', substr(t, 2, length(t) - 2))
  ELSE t END;

-- A number in the file's style, with currency signs, spaces and apostrophes removed if it
-- does not read at once.
CREATE OR REPLACE TEMPORARY FUNCTION sk_bare(s STRING) RETURNS STRING RETURN translate(s, concat(' $€£¥₹', chr(39), sk_text('c2a0e280afe28099')), '');
CREATE OR REPLACE TEMPORARY FUNCTION sk_num(s STRING, style STRING) RETURNS STRING RETURN CASE
  WHEN sk_rx(s, '^[+-]?[0-9]{1,12}$') THEN s
  WHEN style = 'point' AND sk_rx(s, '^[+-]?[0-9]{1,12}[.][0-9]{0,9}$') THEN s
  WHEN s = '' THEN NULL
  WHEN style = 'point' THEN sk_point(sk_sign(sk_bare(s)))
  ELSE sk_point(translate(sk_sign(sk_bare(s)), ',.', '.,')) END;

-- Yes is 1, no is 0; any other number than zero is yes.
CREATE OR REPLACE TEMPORARY FUNCTION sk_flag(s STRING) RETURNS INT RETURN CASE
  WHEN s = '1' THEN 1
  WHEN s = '0' THEN 0
  WHEN s IN ('true', 'True', 'TRUE', 't', 'T', 'yes', 'Yes', 'YES', 'y', 'Y', 'x', 'X', 'on', 'On', 'ON', 'ja', 'Ja', 'JA', 'j', 'J') THEN 1
  WHEN s IN ('false', 'False', 'FALSE', 'f', 'F', 'no', 'No', 'NO', 'n', 'N', 'off', 'Off', 'OFF', 'nein', 'Nein', 'NEIN') THEN 0
  WHEN sk_rx(s, '^[+]?0{1,9}([.,]0{0,9})?$') THEN 0
  WHEN sk_rx(s, '^[+]?[0-9]{1,9}([.,][0-9]{0,9})?$') THEN 1
  END;
