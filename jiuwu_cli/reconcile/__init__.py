"""Both sides of a period's orders compared and repaired, for `jiuwu reconcile`.

Front doors: `period.read_period`, `comparison.compared` and `repairs.plans`.
"""
