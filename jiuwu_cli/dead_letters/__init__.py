"""Sending dead letters back to their queues, for `jiuwu dead-letters`.

Front door: `redrive.Redrive`.
"""
