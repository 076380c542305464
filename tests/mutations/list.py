"""Every safeguard that is broken once."""

from .border import BORDER
from .doors import DOORS
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
    *DOORS,
)
