"""The checks of `jiuwu doctor`, each of which returns a `findings.Finding`.

Front doors: `sam_cli.check`, `network.checks`, `platform_api` and `webhook.check`.
"""
