"""Side effects owed to the platform, the merchant's event bus and the points ledger.

Front door: `dispatcher.Dispatcher`.
"""
