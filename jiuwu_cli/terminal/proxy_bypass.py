"""Bypass the proxy settings of the environment for addresses of this machine."""

from collections.abc import MutableMapping

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def exempt_loopback(environment: MutableMapping[str, str]) -> None:
    """Use no proxy of the environment for this machine itself; leave it as it is for all others."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    listed = [name.strip() for name in given.split(",") if name.strip()]
    if "*" not in listed:  # nothing goes through a proxy then; beside other names it would mean nothing
        listed += [name for name in _LOOPBACK if name not in listed]
    environment["no_proxy"] = environment["NO_PROXY"] = "*" if "*" in listed else ",".join(listed)
