"""EventBridge, KMS, Secrets Manager and S3, as far as we use them."""

# ruff: noqa: N803 -- boto3's names

import hashlib
import hmac
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.simulation.aws.calls import Calls, Client, Reply

type Target = Callable[[dict[str, Any]], None]

_ENTRIES_AT_ONCE = 10
_PLAIN_BYTES = 4096


class Events(Client):
    """EventBridge: each bus delivers every event to its targets at once."""

    service = "events"

    def __init__(self, calls: Calls, buses: dict[str, list[Target]]) -> None:
        super().__init__(calls)
        self._buses, self._numbers = buses, 0

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> Reply:
        return self._make("put_events", lambda: self._put(Entries), {"Entries": Entries})

    def _put(self, entries: Sequence[Mapping[str, str]]) -> Reply:
        if not 1 <= len(entries) <= _ENTRIES_AT_ONCE:
            raise self._error("ValidationException", "1 to 10 entries", "put_events")
        answers = [self._deliver(entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in one for one in answers), "Entries": answers}

    def _deliver(self, entry: Mapping[str, str]) -> Reply:
        bus = entry["EventBusName"].rpartition("/")[2]
        if self._throttled("put_events", bus):
            return {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
        if bus not in self._buses:
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no such bus"}
        self._numbers += 1
        event_id = f"event-{self._numbers}"
        event = {"id": event_id, "source": entry["Source"], "detail-type": entry["DetailType"]}
        for target in self._buses[bus]:
            target({**event, "detail": json.loads(entry["Detail"])})
        return {"EventId": event_id}


class KMS(Client):
    """A stand-in cipher that decrypts only with the key and the encryption context it encrypted with."""

    service = "kms"

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Reply:
        def act() -> Reply:
            if not 1 <= len(Plaintext) <= _PLAIN_BYTES:
                raise self._error("ValidationException", "1 to 4096 bytes", "encrypt")
            mask = _mask(KeyId, EncryptionContext, len(Plaintext))
            encrypted = bytes(a ^ b for a, b in zip(Plaintext, mask, strict=True))
            return {"CiphertextBlob": _tag(KeyId, EncryptionContext, encrypted) + encrypted, "KeyId": KeyId}

        return self._make("encrypt", act, {"KeyId": KeyId, "EncryptionContext": EncryptionContext})

    def decrypt(self, *, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str], KeyId: str) -> Reply:
        def act() -> Reply:
            tag, encrypted = CiphertextBlob[:32], CiphertextBlob[32:]
            if not hmac.compare_digest(tag, _tag(KeyId, EncryptionContext, encrypted)):
                raise self._error("InvalidCiphertextException", "", "decrypt")
            mask = _mask(KeyId, EncryptionContext, len(encrypted))
            return {"Plaintext": bytes(a ^ b for a, b in zip(encrypted, mask, strict=True)), "KeyId": KeyId}

        return self._make("decrypt", act, {"KeyId": KeyId, "EncryptionContext": EncryptionContext})


def _tag(key_id: str, context: Mapping[str, str], encrypted: bytes) -> bytes:
    return hmac.digest(key_id.encode(), json.dumps(dict(context), sort_keys=True).encode() + encrypted, "sha256")


def _mask(key_id: str, context: Mapping[str, str], length: int) -> bytes:
    text = json.dumps([key_id, dict(context)], sort_keys=True).encode()
    return hashlib.shake_128(text).digest(length)


class Secrets(Client):
    """Secrets Manager: texts by name."""

    service = "secretsmanager"

    def __init__(self, calls: Calls, secrets: dict[str, str]) -> None:
        super().__init__(calls)
        self._secrets = secrets

    def get_secret_value(self, *, SecretId: str) -> Reply:
        def act() -> Reply:
            if SecretId not in self._secrets:
                raise self._error("ResourceNotFoundException", "Secrets Manager can't find it.", "get_secret_value")
            return {"Name": SecretId, "SecretString": self._secrets[SecretId]}

        return self._make("get_secret_value", act, {"SecretId": SecretId})


class S3(Client):
    """Objects by bucket and key, as they were last put."""

    service = "s3"

    def __init__(self, calls: Calls, buckets: dict[str, dict[str, bytes]]) -> None:
        super().__init__(calls)
        self._buckets = buckets

    def put_object(self, *, Bucket: str, Key: str, Body: bytes | str, ContentType: str = "") -> Reply:  # noqa: ARG002
        def act() -> Reply:
            content = Body.encode() if isinstance(Body, str) else bytes(Body)
            self._bucket(Bucket, "put_object")[Key] = content
            return {"ETag": f'"{hashlib.md5(content).hexdigest()}"'}

        return self._make("put_object", act, {"Bucket": Bucket, "Key": Key})

    def get_object(self, *, Bucket: str, Key: str) -> Reply:
        def act() -> Reply:
            objects = self._bucket(Bucket, "get_object")
            if Key not in objects:
                raise self._error("NoSuchKey", "The specified key does not exist.", "get_object")
            return {"Body": io.BytesIO(objects[Key]), "ContentLength": len(objects[Key])}

        return self._make("get_object", act, {"Bucket": Bucket, "Key": Key})

    def list_objects_v2(self, *, Bucket: str, Prefix: str = "") -> Reply:
        def act() -> Reply:
            found = sorted(key for key in self._bucket(Bucket, "list_objects_v2") if key.startswith(Prefix))
            return {"KeyCount": len(found), "IsTruncated": False, "Contents": [{"Key": key} for key in found]}

        return self._make("list_objects_v2", act, {"Bucket": Bucket, "Prefix": Prefix})

    def _bucket(self, name: str, operation: str) -> dict[str, bytes]:
        if name not in self._buckets:
            raise self._error("NoSuchBucket", "The specified bucket does not exist", operation)
        return self._buckets[name]
