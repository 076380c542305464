"""The world of a simulation: the real functions with their event sources, the in-memory AWS and the simulated platform.

Front door: `world.world`. Hours pass in seconds, any call can be stopped, and one seed gives one run.
"""
