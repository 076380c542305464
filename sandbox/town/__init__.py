"""The whole template in one process, on virtual time: the real functions as their event sources wire them, the
in-memory AWS (sandbox/memory), and the simulated platform (sandbox/platform). Hours pass in seconds, any call can be
stopped, and one seed gives one story.
"""
