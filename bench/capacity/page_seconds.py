"""How long a function works on one page or item, by the assumed seconds of its requests, and on one task."""

from bench.capacity.inputs import Inputs

# A task stops this long after its start and queues its rest.
TASK, STATEMENT_TASK = 100.0, 75.0
_RENEWALS_AT_ONCE = 8


def due_page(inputs: Inputs) -> float:
    """Return the seconds that Reconciler takes for a hundred due orders."""
    seconds = inputs.seconds
    return seconds.query + seconds.platform + seconds.batch_get + 4 * seconds.batch_write


def local_page(inputs: Inputs) -> float:
    """Return the seconds that a hundred of our orders take in a statement."""
    seconds = inputs.seconds
    return seconds.platform + seconds.batch_get + (seconds.query + seconds.single_item) / 5


def list_page(inputs: Inputs) -> float:
    """Return the seconds that a hundred orders of the platform's list take."""
    seconds = inputs.seconds
    return seconds.platform + seconds.batch_get + seconds.single_item


def renewal(inputs: Inputs) -> float:
    """Return the seconds that TokenRefresher takes for a member, of whom it renews several at once."""
    seconds = inputs.seconds
    return (seconds.platform + 3 * seconds.kms + 3 * seconds.single_item) / _RENEWALS_AT_ONCE
