"""The platform's API: how it is called and signed, and what it sends.

Front doors: `profile.load`, `calls` and `signed_notifications`. Nothing here knows a table, a queue or the business.
"""
