package etl

// Synonyms lists the headers that are taken for a meaning, best first, as fold writes
// them: lower case, letters and digits only. docs/input.md repeats the table.
func Synonyms(meaning string) []string {
	switch meaning {
	case "date":
		return []string{
			"date", "salesdate", "saledate", "transactiondate", "invoicedate", "orderdate", "businessdate",
			"calendardate", "datetime", "timestamp", "transactiontime", "ds", "dt", "day", "weekdate", "weekstart", "weekstarting",
			"weekending", "weekenddate", "week", "monthdate", "month", "period",
			"datum", "verkaufsdatum", "belegdatum", "fecha", "jour", "data",
		}
	case "sku":
		return []string{
			"sku", "skuid", "skucode", "skunumber", "skunbr", "stockcode", "itemid", "itemcode", "itemnumber", "itemnbr", "itemno", "item",
			"productid", "productcode", "productnumber", "productno", "product", "articleid", "articlecode", "articlenumber", "articleno", "article",
			"materialnumber", "material", "partnumber", "partno", "part", "upc", "ean", "gtin", "plu", "barcode",
			"artikelnummer", "artikelnr", "artikel", "referencia", "articulo", "reference", "uniqueid",
		}
	case "units":
		return []string{
			"units", "unitssold", "unitsales", "soldunits", "quantity", "quantitysold", "soldquantity", "salesquantity", "orderquantity",
			"qty", "qtysold", "salesqty", "orderqty", "salesunits", "volume", "demand", "pieces", "sales", "sold", "count", "y",
			"menge", "absatz", "absatzmenge", "stueck", "stueckzahl", "anzahl", "cantidad", "unidades", "qte",
		}
	case "store":
		return []string{
			"store", "storeid", "storecode", "storenumber", "storenbr", "storeno", "shop", "shopid", "location", "locationid",
			"branch", "branchid", "outlet", "outletid", "site", "siteid", "warehouse", "warehouseid", "filiale", "filialnummer", "markt",
			"tienda", "magasin",
		}
	case "price":
		return []string{
			"price", "unitprice", "sellprice", "sellingprice", "salesprice", "saleprice", "retailprice", "priceperunit", "itemprice", "avgprice",
			"preis", "einzelpreis", "verkaufspreis", "stueckpreis", "precio", "preciounitario", "prix", "prixunitaire",
		}
	case "promo":
		return []string{"promo", "promotion", "onpromotion", "onpromo", "ispromo", "ispromotion", "promoflag", "promotionflag", "aktion", "promocion"}
	case "stock":
		return []string{"stock", "stockonhand", "onhand", "onhandqty", "inventory", "inventorylevel", "stocklevel", "stockqty", "bestand", "lagerbestand", "existencias"}
	case "in_stock":
		return []string{"instock", "isinstock", "available", "isavailable", "availability", "instockflag", "verfuegbar"}
	case "open":
		return []string{"open", "isopen", "storeopen", "openflag", "geoeffnet", "offen"}
	}
	return nil
}
