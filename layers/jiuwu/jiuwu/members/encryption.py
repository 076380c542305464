"""Tokens under a KMS key, with the member as encryption context: a ciphertext moved to another member does not open."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients
from jiuwu.platform.errors import TokenKeyUnavailable

from . import reporting

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

# KMS Encrypt takes 4,096 bytes; some platforms' tokens are longer.
_PART_BYTES = 4096
# The ciphertext was not made under this key for this member: that is about one record, and no fault of KMS.
UNREADABLE = ("InvalidCiphertextException", "IncorrectKeyException")


class TokenCipher:
    """Encrypts and decrypts one member's text. Raises TokenKeyUnavailable while KMS fails, or refuses us the key."""

    def __init__(self, kms: "KMSClient", key_id: str) -> None:
        self._kms, self._key_id = kms, key_id

    def encrypt(self, member_id: str, text: str) -> tuple[bytes, ...]:
        """Return the ciphertexts of the text, one for each 4,096 bytes."""
        plain = text.encode()
        parts = [plain[start : start + _PART_BYTES] for start in range(0, len(plain), _PART_BYTES)]
        return tuple(self._encrypt_part(member_id, part) for part in parts)

    def decrypt(self, member_id: str, encrypted: Sequence[bytes]) -> str:
        """Return the text; a ciphertext that was not encrypted for this member raises ClientError with a code of
        UNREADABLE."""
        return b"".join(self._decrypt_part(member_id, part) for part in encrypted).decode()

    def _encrypt_part(self, member_id: str, part: bytes) -> bytes:
        context = {"member_id": member_id}
        return _call_kms(
            lambda: self._kms.encrypt(KeyId=self._key_id, Plaintext=part, EncryptionContext=context)["CiphertextBlob"]
        )

    def _decrypt_part(self, member_id: str, part: bytes) -> bytes:
        context = {"member_id": member_id}
        return _call_kms(
            lambda: self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=part, EncryptionContext=context)["Plaintext"]
        )


def _call_kms(call: Callable[[], bytes]) -> bytes:
    """Return the answer of KMS. A fault of KMS concerns every member: it is held back like a call, counted, logged."""
    try:
        return call()
    except (ClientError, BotoCoreError) as fault:
        if isinstance(fault, ClientError) and fault.response["Error"].get("Code") in UNREADABLE:
            raise
        problem = clients.describe_error(fault)
        reporting.token_key_failed(problem)
        raise TokenKeyUnavailable("tokens", problem=problem) from fault
