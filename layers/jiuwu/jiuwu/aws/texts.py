"""What SQS takes as text."""


def for_sqs(body: str) -> str:
    """A JSON text with U+FFFE and U+FFFF as escapes, which SQS refuses as they are.

    JSON has them only within strings, where their escapes mean the same. All else that SQS refuses (control
    characters, lone surrogates) is not JSON either.
    """
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
