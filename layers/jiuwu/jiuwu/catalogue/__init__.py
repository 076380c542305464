"""The merchant's products, in the table and at the platform. Front doors: `pricing.Products` and `sync.Catalogue`."""
