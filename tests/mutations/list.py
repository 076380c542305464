"""Every safeguard that is broken once."""

from .access import ACCESS
from .border import BORDER
from .letters import LETTERS
from .members import MEMBERS
from .money import MONEY
from .platform import PLATFORM
from .points import POINTS
from .products import PRODUCTS
from .sides import SIDES
from .statements import STATEMENTS
from .trade import TRADE

SAFEGUARDS = (
    *MONEY,
    *TRADE,
    *SIDES,
    *MEMBERS,
    *PLATFORM,
    *PRODUCTS,
    *POINTS,
    *LETTERS,
    *STATEMENTS,
    *BORDER,
    *ACCESS,
)
