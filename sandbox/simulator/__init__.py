"""The simulated platform: its API, its pages, its notifications and its control API under /_sim.

Front door: `app.Simulator`; `python -m sandbox.simulator` serves it.
"""
