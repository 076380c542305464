"""The daily statement: both sides counted, summed and compared. Front doors: `comparison.Comparer` and `totals`."""
