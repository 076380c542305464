"""Slows down a source of wrong keys: a few at once, then one every ten seconds, whichever instance it meets.

Each wrong key takes a token from its source's bucket in LimitsTable. While the bucket is empty, the source is refused
before its key is looked at. A right key of any other source reads and writes nothing.
"""

import hmac
import ipaddress
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import structs

from jiuwu.aws import clients
from jiuwu.runtime import SYSTEM, Runtime

from . import token_bucket
from .lane import Lane
from .repository import LaneContested, LaneMalformed, LaneTable
from .token_bucket import Rate

RATE = Rate(per_second=0.1, burst=10)
# After this the item goes by TTL, long after its bucket is full again (seconds).
KEPT_SECONDS = 3600
# A source whose bucket is contended waits (seconds).
_CONTESTED_WAIT = 1.0
_MAX_REMEMBERED = 1000


class SourceLimit:
    """One per process. `on_fault` gets the reason when LimitsTable does not answer; then nothing is slowed down."""

    def __init__(self, table: LaneTable, *, on_fault: Callable[[str], None], runtime: Runtime = SYSTEM) -> None:
        self._table, self._on_fault, self._clock = table, on_fault, runtime.clock
        self._waits_until: dict[str, float] = {}

    def wait(self, source: str) -> float:
        """Return how many seconds the source still has to wait, as far as this process knows."""
        return max(0.0, self._waits_until.get(source, 0.0) - self._clock())

    def note_failure(self, source: str) -> float:
        """Take a token for a wrong key; return how many seconds the source has to wait, 0 while it had one."""
        waits = [0.0]

        def take(lane: Lane) -> Lane:
            after, waits[0] = _taken(lane, token_bucket.micros(self._clock()))
            return after

        try:
            self._table.change(f"wrong_keys#{source}", take)
        except LaneContested:
            waits[0] = _CONTESTED_WAIT
        except (ClientError, BotoCoreError, LaneMalformed) as fault:
            self._on_fault(clients.describe_error(fault))
            return 0.0
        if waits[0]:
            self._remember(source, self._clock() + waits[0])
        return waits[0]

    def _remember(self, source: str, until: float) -> None:
        if len(self._waits_until) >= _MAX_REMEMBERED:
            self._waits_until.clear()  # the table knows them all
        self._waits_until[source] = until


def source_of(address: str, key: str) -> str:
    """Return a caller's IP address as an anonymous label: keyed with a secret, and cut. Of IPv6 only the network
    counts, as one caller has all of its 2^64 addresses."""
    try:
        network = _network(ipaddress.ip_address(address))
    except ValueError:
        network = address
    return hmac.digest(key.encode(), network.encode(), "sha256").hex()[:16]


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    single = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    return str(single or ipaddress.ip_network((address.packed, 64), strict=False))


def _taken(lane: Lane, now: int) -> tuple[Lane, float]:
    full_at = token_bucket.plausible_full_at(RATE, lane.full_at, now)
    if not token_bucket.tokens(RATE, full_at, now):
        return lane, token_bucket.seconds_until(RATE, full_at, now, 1)
    return structs.replace(lane, full_at=token_bucket.taken(RATE, full_at, now, 1)), 0.0
