"""How much load the system takes and what it costs: quantities counted while the real functions run in the simulated
world, AWS's published limits and prices, and assumed times. Enter at `python -m bench.capacity`.
"""
