"""The whole template in one process on virtual time, for proofs only: no merchant runs it.

Front door: `python -m sandbox.simulation`, a long run with faults; `world` for tests that drive a world themselves.
"""
