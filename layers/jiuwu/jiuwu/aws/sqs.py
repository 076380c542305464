"""The text that SQS takes."""

from collections.abc import Mapping


def for_sqs(body: str) -> str:
    """Return a JSON text with U+FFFE and U+FFFF as escapes, which SQS refuses as they are.

    JSON has them only within strings, where their escapes mean the same. All else that SQS refuses (control
    characters, lone surrogates) is not JSON either.
    """
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def attributes(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return texts as a message's attributes; SQS takes ten of them at most, and none that is empty."""
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
