"""Both sides of each order compared, and repaired by rule or reported.

Front doors: `decide.decide`, which is pure, and `worker.ReconciliationWorker`.
"""
