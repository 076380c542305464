"""The HTTP side of the platform's notifications; lean, because WebhookIntake is the hot path.

Front door: `request.read`.
"""
