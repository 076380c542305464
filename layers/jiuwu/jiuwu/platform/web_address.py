"""Web addresses that the platform gives us and members' browsers follow."""

import re

_MAX_CHARACTERS = 2048
# No user before the host, and nothing that ends an HTML attribute or that parsers read differently.
_HTTPS = re.compile(r"https://[^\s/?#@\\\"'<>`]+([/?#][^\s\\\"<>`]*)?", re.IGNORECASE)
# Nobody on the way can read or change what does not leave this machine: the sandbox's platform.
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?([/?#][^\s\\\"<>`]*)?", re.IGNORECASE)


def is_safe(url: str) -> bool:
    """Return whether a page may link to `url`: https, or http on this machine; no javascript:, no data:."""
    fits = _HTTPS.fullmatch(url) or _LOOPBACK.fullmatch(url)
    return fits is not None and len(url) <= _MAX_CHARACTERS and url.isprintable()
