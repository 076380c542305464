"""Sign and verify a 2 KB body, over one bare hmac.digest of the same canonical bytes."""

import hmac
import json

from bench.measure import Ratio, alternate, cpu_milliseconds
from jiuwu.platform import profile, signing

_SECRET = "bench-secret"
_BODY = json.dumps({"items": [{"product_id": f"P{n:04}", "title": "明前龙井", "price": "88.00"} for n in range(26)]})


def run() -> list[Ratio]:
    """Return two ratios of CPU time per call."""
    scheme = profile.load("jiuwu").signing
    params = {
        "app_id": "app",
        "timestamp": "1763800000",
        "nonce": "n" * 24,
        "sign_method": "HMAC-SHA256",
        "body": _BODY,
    }
    canonical = signing.canonical_string(scheme, params, secret=_SECRET).encode()
    signature, key = signing.sign(scheme, params, secret=_SECRET), _SECRET.encode()

    def floor() -> float:
        return cpu_milliseconds(lambda: hmac.digest(key, canonical, "sha256"), 2000)

    def sign() -> float:
        return cpu_milliseconds(lambda: signing.sign(scheme, params, secret=_SECRET), 2000)

    def verify() -> float:
        return cpu_milliseconds(lambda: signing.verify(scheme, params, signature, secrets=[_SECRET]), 2000)

    size = f"{len(canonical)} bytes"
    return [
        Ratio(f"sign {size} ÷ hmac.digest", *alternate(sign, floor, 15), "ms CPU", 6),
        Ratio(f"verify {size} ÷ hmac.digest", *alternate(verify, floor, 15), "ms CPU", 6),
    ]
