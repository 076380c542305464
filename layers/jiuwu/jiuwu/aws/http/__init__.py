"""HTTP APIs behind API Gateway: requests as plain values, JSON bodies, routes, and one form of error.

Front doors: `router.HttpApi` and `body.decode`. WebhookIntake, the hot path, does without.
"""
