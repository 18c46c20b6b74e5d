-- What DuckDB and Spark spell differently, for DuckDB. Spark's prelude defines the same
-- names; nothing else in the shared statements may depend on the engine.

CREATE OR REPLACE TEMP MACRO sk_rx(s, re) AS regexp_matches(s, re);
CREATE OR REPLACE TEMP MACRO sk_at(a, i) AS a[i];
CREATE OR REPLACE TEMP MACRO sk_len(a) AS len(a);
CREATE OR REPLACE TEMP MACRO sk_trim(s) AS trim(s);
CREATE OR REPLACE TEMP MACRO sk_hex(s, a, n) AS CAST('0x' || substr(s, a, n) AS BIGINT);
CREATE OR REPLACE TEMP MACRO sk_text(h) AS decode(unhex(h));

-- The fields of a line. Only a line with a quotation mark pays for the regular expression.
CREATE OR REPLACE TEMP MACRO sk_fields(line, d) AS CASE WHEN contains(line, '"')
  THEN list_transform(regexp_extract_all(line || d, '("[^"]*(?:""[^"]*)*"|[^' || d || ']*)[' || d || ']', 1),
                      lambda x: CASE WHEN left(x, 1) = '"' AND right(x, 1) = '"' AND length(x) > 1
                                     THEN replace(substr(x, 2, length(x) - 2), '""', '"') ELSE x END)
  ELSE string_split(line, d) END;

-- From here on the bodies are the same in both engines.

-- A key without spaces around it and without the ="…" that keeps a spreadsheet from reading
-- a code as a number.
CREATE OR REPLACE TEMP MACRO sk_key(s) AS CASE
  WHEN left(s, 2) = '="' AND sk_rx(s, '^="[^"]*" *$') THEN sk_trim(replace(substr(s, 3), '"', ''))
  ELSE sk_trim(s) END;

-- A key as it is, and one in capital letters (ASCII only: engines differ beyond).
CREATE OR REPLACE TEMP MACRO sk_same(s) AS s;
CREATE OR REPLACE TEMP MACRO sk_upper(s) AS
  CASE WHEN sk_rx(s, '[a-z]') THEN translate(s, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') ELSE s END;

-- The number of a month by its name or the beginning of it (English, German, French,
-- Spanish, Italian, Dutch, Portuguese), two digits; an empty text for any other word.
CREATE OR REPLACE TEMP MACRO sk_letters(s) AS
  translate(s, 'ABCDEFGHIJKLMNOPQRSTUVWXYZäÄéÉûÛçÇ', 'abcdefghijklmnopqrstuvwxyzaaeeuucc');
CREATE OR REPLACE TEMP MACRO sk_month(s) AS CASE
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
CREATE OR REPLACE TEMP MACRO sk_blank(s) AS
  s = '' OR s IN ('-', 'NA', 'na', 'N/A', 'n/a', '#N/A', 'NULL', 'null', 'NaN', 'nan', 'NAN', 'None', 'none');

-- A number with a decimal point, digits grouped by commas or not, as text that casts to
-- DECIMAL; NULL for everything else.
CREATE OR REPLACE TEMP MACRO sk_point(t) AS CASE
  WHEN sk_rx(t, '^[+-]?[0-9]{1,12}([.][0-9]{0,9})?$') THEN t
  WHEN sk_rx(t, '^[+-]?[.][0-9]{1,9}$') THEN replace(t, '.', '0.')
  WHEN sk_rx(t, '^[+-]?[0-9]{1,3}(,[0-9]{3}){1,3}([.][0-9]{0,9})?$') THEN replace(t, ',', '')
  END;

-- A minus at the end or parentheses, as accounting systems write what comes back.
CREATE OR REPLACE TEMP MACRO sk_sign(t) AS CASE
  WHEN sk_rx(t, '^[0-9.,]+-$') THEN concat('-', substr(t, 1, length(t) - 1))
  WHEN sk_rx(t, '^[(][0-9.,]+[)]$') THEN concat('-', substr(t, 2, length(t) - 2))
  ELSE t END;

-- A number in the file's style, with currency signs, spaces and apostrophes removed if it
-- does not read at once.
CREATE OR REPLACE TEMP MACRO sk_bare(s) AS
  translate(s, concat(' $€£¥₹', chr(39), sk_text('c2a0e280afe28099')), '');
CREATE OR REPLACE TEMP MACRO sk_num(s, style) AS CASE
  WHEN sk_rx(s, '^[+-]?[0-9]{1,12}$') THEN s
  WHEN style = 'point' AND sk_rx(s, '^[+-]?[0-9]{1,12}[.][0-9]{0,9}$') THEN s
  WHEN s = '' THEN NULL
  WHEN style = 'point' THEN sk_point(sk_sign(sk_bare(s)))
  ELSE sk_point(translate(sk_sign(sk_bare(s)), ',.', '.,')) END;

-- Yes is 1, no is 0; any other number than zero is yes.
CREATE OR REPLACE TEMP MACRO sk_flag(s) AS CASE
  WHEN s = '1' THEN 1
  WHEN s = '0' THEN 0
  WHEN s IN ('true', 'True', 'TRUE', 't', 'T', 'yes', 'Yes', 'YES', 'y', 'Y', 'x', 'X', 'on', 'On', 'ON', 'ja', 'Ja', 'JA', 'j', 'J') THEN 1
  WHEN s IN ('false', 'False', 'FALSE', 'f', 'F', 'no', 'No', 'NO', 'n', 'N', 'off', 'Off', 'OFF', 'nein', 'Nein', 'NEIN') THEN 0
  WHEN sk_rx(s, '^[+]?0{1,9}([.,]0{0,9})?$') THEN 0
  WHEN sk_rx(s, '^[+]?[0-9]{1,9}([.,][0-9]{0,9})?$') THEN 1
  END;
