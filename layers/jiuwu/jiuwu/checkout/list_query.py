"""What the queries of both lists of orders share: the status, and the cursor."""

from jiuwu.aws.http.errors import HttpError
from jiuwu.orders.cursor import CursorMalformed, CursorOfAnotherList, Position, Scope, decode
from jiuwu.orders.order import Status


def read_status(text: str) -> Status | None:
    """Return the requested status, None for all; raise HttpError."""
    if text and text not in list(Status):
        raise HttpError(400, "status_unknown", f"status 应为 {'、'.join(Status)} 之一", "status")
    return Status(text) if text else None


def read_cursor(text: str, scope: Scope) -> Position | None:
    """Return the position of a cursor of this list, None for its beginning; raise HttpError."""
    try:
        return decode(text, scope) if text else None
    except CursorOfAnotherList:
        message = "cursor 属于另一个列表：翻页时筛选条件必须与取得 cursor 时相同"
        raise HttpError(400, "cursor_of_another_list", message, "cursor") from None
    except CursorMalformed:
        raise HttpError(400, "cursor_malformed", "cursor 无法识别，请原样传回上一页给出的 cursor", "cursor") from None
