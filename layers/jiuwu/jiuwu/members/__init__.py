"""Members: accounts, logins, sessions and tokens.

Front doors: `login_flow`, `logins.Logins` and `tokens.Tokens`.
"""
