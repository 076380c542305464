"""The profile: what is assumed of the platform's API, as data. Front door: `load`.

jiuwu.toml is our contract and explains each field; a profile of the merchant's own stands beside it and holds what
differs.
"""

from .contract import EventType, OrderStatus, Profile
from .loader import ProfileError, load, lookup

__all__ = ["EventType", "OrderStatus", "Profile", "ProfileError", "load", "lookup"]
