-- judged → how many of the used lines each counting rule met. ${origin} is a date.
SELECT count(*) AS accepted,
       count_if(units IS NULL AND period <= ${origin}) AS quantity_missing,
       count_if(units IS NULL AND period > ${origin}) AS future_input,
       count_if(units < 0) AS returned,
       count_if(price_bad) AS price_unreadable,
       count_if(price_low) AS price_not_positive,
       count_if(flag_bad) AS flag_unreadable,
       count_if(stock_bad) AS stock_unreadable,
       count_if(regressor_bad) AS regressor_unreadable,
       count_if(sk_rx(date_text, '^[2-7][0-9]{4}([.,][0-9]{1,12})?$')) AS serial_date
FROM judged WHERE rule IS NULL
