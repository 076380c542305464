"""A merchant's price list, from a CSV file to the products table, for `jiuwu products`.

Front doors: `price_file.entries`, `row_writer.Writer` and `product_sync`.
"""
