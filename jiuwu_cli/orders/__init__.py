"""The timeline of one order, for `jiuwu order`.

Front doors: `log_search.read`, `timeline.moments_of` and `timeline.head`.
"""
