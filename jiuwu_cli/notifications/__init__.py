"""Sample notifications, signed and sent, for `jiuwu trigger`.

Front doors: `samples.notification`, `target.webhook_target` and `delivery.deliver`.
"""
