"""The rate limit and the circuits that all functions share, and the limit on wrong merchant keys.

Front doors: `limiter.Lanes` and `source_limit.SourceLimit`.
"""
