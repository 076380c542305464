"""Proxies of the environment: the sandbox never uses them, because all of it is on this machine; downloads do.

A name like SANDBOX_OUTSIDE_https_proxy keeps the value, so that children, and the workers of the tests, find it too.
"""

import os
from collections.abc import Mapping, MutableMapping

from jiuwu_cli.terminal.proxy_bypass import bypass_proxy_for_loopback

_OUTSIDE = "SANDBOX_OUTSIDE_"


def set_aside(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take every proxy setting out of the environment, however it is spelled; safe to repeat."""
    for name in [name for name in environment if name.lower().endswith("_proxy") and not name.startswith(_OUTSIDE)]:
        value = environment.pop(name)
        # a second time there is only what we wrote ourselves
        environment.setdefault(_OUTSIDE + name, value)
    bypass_proxy_for_loopback(environment)


def outside(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment with its proxies, for what downloads."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_OUTSIDE)}
    found = {name.removeprefix(_OUTSIDE): value for name, value in environment.items() if name.startswith(_OUTSIDE)}
    if found:
        kept = {name: value for name, value in kept.items() if name.lower() != "no_proxy"} | found
    bypass_proxy_for_loopback(kept)
    return kept
