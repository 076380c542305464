"""Calls of the platform: signed, timed, limited, retried.

Front doors: `client.PlatformClient` and `oauth.OAuthClient`.
"""
