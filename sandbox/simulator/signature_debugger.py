"""Explain a pasted signature in Chinese, for the debugger's page. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from jiuwu.platform.profile import Profile
from jiuwu.platform.signed_notifications import of_notifications
from jiuwu.platform.signing import Scheme, sign
from jiuwu.platform.signing.explain import Explanation, explain, hint_text
from sandbox.simulator.state import App

EMPTY = {"params": "", "body": "", "secret": "", "sign": "", "canonical": ""}

_HEADER = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*):\s*(.*?)\s*")
_HINTS = {
    "algorithm": "对方用了另一种算法",
    "base64_hex": "签名的写法不同：一方是 Base64，另一方是十六进制",
    "body_last": "请求体排在了所有参数之后（或之前），没有按名称排在它的位置",
    "body_left_out": "请求体没有参与签名，或用了别的参数名",
    "body_reserialised": "请求体被解析后重新生成再签名；应当对实际发送的原文签名",
    "body_unnamed": "请求体参与签名时没有带参数名和连接符",
    "charset": "一方用了 GBK，另一方用了 UTF-8；双方都要对 UTF-8 文本签名",
    "clock_skew": "时间戳超出允许范围；请校准时钟，并在发送时才签名",
    "empty_value": "空值参数：一方保留，另一方去掉了",
    "missing_ampersand": "参数之间少了连接符，或用了别的连接符",
    "order": "参数没有按名称的 ASCII 顺序排列",
    "parameter_left_out": "有一个已发送的参数没有参与签名",
    "path": "只有一方把请求路径放进了签名",
    "prefix": "签名前多了前缀（如 sha256=、v1,），它不属于签名",
    "seconds_milliseconds": "时间戳的单位不同：一方是毫秒，另一方是秒",
    "secret_place": "密钥放在了字符串的另一个位置",
    "secret_space": "密钥前后多了空格或换行",
    "sign_included": "签名参数本身也参与了签名",
    "stray_space": "多了或少了空格、换行",
    "timestamp_malformed": "时间戳的格式不对",
    "unexplained": "不属于常见错误；可能是密钥不同，也可以填写对方的待签名字符串再比较",
    "upper_lower_case": "大小写不同：签名或某个值只有一方用了大写",
    "url_encoding": "只有一方做了 URL 编码，或空格的编码（+ 与 %20）不同",
    "wrong_secret": "待签名字符串相同，所以是密钥不同",
}


class UnreadableInput(Exception):
    """What was pasted holds no parameters."""


class Pasted(msgspec.Struct, frozen=True):
    scheme: Scheme
    params: dict[str, str]
    sign: str
    path: str
    timestamp: str


class Found(msgspec.Struct, frozen=True):
    explanation: Explanation
    sign: str
    expected: str
    own_secret: bool
    causes: tuple[str, ...]


def explanation(profile: Profile, app: App, fields: Mapping[str, str], now: float) -> Found:
    """Explain the difference; raise Unreadable. Without a secret the sandbox app's own is used."""
    pasted = _read(profile, fields["params"])
    signature = fields["sign"] or pasted.sign
    secrets = [fields["secret"]] if fields["secret"] else app.secrets
    body = fields["body"]
    params = pasted.params | ({pasted.scheme.body_name: body} if body and pasted.scheme.body_name else {})
    explained = explain(
        pasted.scheme,
        params,
        secrets=secrets,
        signature=signature,
        canonical=fields["canonical"],
        path=pasted.path,
        timestamp=pasted.timestamp,
        now=now,
    )
    expected = sign(pasted.scheme, params, secret=secrets[0], path=pasted.path)
    causes = tuple(hint_text(hint, _HINTS) for hint in explained.hints)
    return Found(explained, signature, expected, not fields["secret"], causes)


def _read(profile: Profile, text: str) -> Pasted:
    """Read a whole address, a query, name=value lines, or the headers of a notification."""
    lines = [line for line in text.splitlines() if line.strip()]
    headers = [_HEADER.fullmatch(line) for line in lines]
    if lines and all(headers) and "://" not in text:
        return _from_headers(profile, {found[1].lower(): found[2] for found in headers if found})
    path, query = _split(lines[0].strip()) if len(lines) == 1 else ("", "")
    pairs = parse_qsl(query, keep_blank_values=True) if query else (line.strip().split("=", 1) for line in lines)
    params = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0]}
    if not params:
        raise UnreadableInput("没有读到参数。请粘贴完整的请求地址、查询串、每行一个的 名称=值，或通知的请求头。")
    signature = params.pop(profile.call.sign, "")
    return Pasted(profile.signing, params, signature, path, params.get(profile.call.timestamp, ""))


def _split(line: str) -> tuple[str, str]:
    """Return path and query of an address, or the line itself as a query."""
    if line.startswith(("http://", "https://")):
        rest = line.split("://", 1)[1].partition("#")[0]
        before, _, query = rest.partition("?")
        return "/" + before.partition("/")[2], query
    return "", line if "=" in line else ""


def _from_headers(profile: Profile, headers: Mapping[str, str]) -> Pasted:
    names, signed = profile.notification.headers, profile.notification.signed
    params = {
        getattr(signed, ours): headers[getattr(names, ours).lower()]
        for ours in ("app_id", "timestamp", "nonce", "event_id")
        if getattr(names, ours).lower() in headers and getattr(signed, ours)
    }
    if not params:
        raise UnreadableInput(f"请求头里没有 {names.app_id}、{names.timestamp} 等通知的签名头。")
    signature, timestamp = (headers.get(name.lower(), "") for name in (names.signature, names.timestamp))
    return Pasted(of_notifications(profile), params, signature, "", timestamp)
