"""The promises as pure checks over plain values, used by the demo, the simulation and the proofs.

Front door: `checks.violations` over `facts.Facts`. A check has a name, its promise, and a message with its evidence.
"""
