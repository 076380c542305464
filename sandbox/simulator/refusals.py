"""The platform's refusals: one exception, named by the profile's meaning of a code."""

from collections.abc import Mapping


class Refused(Exception):
    """`meaning` is a key of the profile's [codes], such as bad_parameters or transition_refused."""

    def __init__(
        self,
        meaning: str,
        msg: str,
        *,
        data: Mapping[str, object] | None = None,
        status: int = 200,
        retry_after: int = 0,
    ) -> None:
        super().__init__(msg)
        self.meaning = meaning
        self.msg = msg
        self.data = data
        self.status = status
        self.retry_after = retry_after
