"""Every safeguard that is broken once."""

from tests.proof.mutations.access import ACCESS
from tests.proof.mutations.border import BORDER
from tests.proof.mutations.letters import LETTERS
from tests.proof.mutations.members import MEMBERS
from tests.proof.mutations.money import MONEY
from tests.proof.mutations.platform import PLATFORM
from tests.proof.mutations.points import POINTS
from tests.proof.mutations.products import PRODUCTS
from tests.proof.mutations.sides import SIDES
from tests.proof.mutations.statements import STATEMENTS
from tests.proof.mutations.trade import TRADE

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
