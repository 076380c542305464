"""OpenAPI 3.1 documents of our HTTP APIs: routes from the functions, bodies from the types that decode them.

Front doors: `python -m sandbox.openapi`, which renews docs/api, and `document.documents`.
"""
