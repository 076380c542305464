"""A busy shop in the sandbox under faults, and a verdict over every promise.

Front door: `python -m sandbox.demo`; `scenario` decides what becomes of each order, `audit` reads both sides.
"""
