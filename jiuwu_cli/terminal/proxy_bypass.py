"""Bypass the environment's proxy settings for addresses of this machine."""

from collections.abc import MutableMapping

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def bypass_proxy_for_loopback(environment: MutableMapping[str, str]) -> None:
    """Add this machine to no_proxy; keep the other entries."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    listed = [name.strip() for name in given.split(",") if name.strip()]
    if "*" not in listed:  # "*" bypasses every proxy, but only if it stands alone
        listed += [name for name in _LOOPBACK if name not in listed]
    environment["no_proxy"] = environment["NO_PROXY"] = "*" if "*" in listed else ",".join(listed)
