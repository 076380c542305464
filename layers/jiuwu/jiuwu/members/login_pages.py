"""The pages that a member sees when a login did not work out: what happened, and one thing to do."""

import base64
import hashlib
import html
from dataclasses import dataclass
from string import Template


@dataclass(frozen=True)
class Message:
    """A page's status and its words."""

    status: int
    title: str
    text: str


# By what happened: jiuwu.members.login_flow.Failure, and the refusals that a person gets to see.
MESSAGES = {
    "malformed": Message(400, "链接不完整", "这个登录链接不完整，或者被改动过。请回到原来的页面，重新点击登录。"),
    "return_to_refused": Message(
        400, "无法从这里登录", "这个登录链接要返回的页面不属于本应用。请回到应用里，重新点击登录。"
    ),
    "return_to_malformed": Message(
        400,
        "无法从这里登录",
        "这个登录链接要返回的页面地址不完整、太长，或者有不能用的字符。请回到应用里，重新点击登录。",
    ),
    "denied": Message(
        403, "您没有同意授权", "没有您的同意，我们无法使用您的社区账号登录。如果只是点错了，可以重新登录。"
    ),
    "foreign": Message(
        403,
        "请在同一个浏览器里登录",
        "这次登录是在别的浏览器或应用里开始的，或者浏览器没有保存 Cookie。请在这里重新登录。",
    ),
    "expired": Message(410, "登录超时了", "为了您的账号安全，登录需要在十分钟内完成。请重新登录。"),
    "used": Message(410, "这次登录已经用过了", "每次登录只能使用一次。如果您还没有进入应用，请重新登录。"),
    "unfinished": Message(410, "登录没有完成", "这次登录中途断开了，社区的授权不能再用一次。请重新登录。"),
    "unknown": Message(410, "登录已失效", "这次登录已经过期，或者已经用过了。请重新登录。"),
    "code_expired": Message(410, "授权已过期", "社区的授权没有及时送达。请重新登录一次。"),
    "not_completed": Message(502, "登录没有完成", "社区暂时无法完成这次登录，您的账号没有任何变化。请稍后重新登录。"),
    "unavailable": Message(503, "暂时无法登录", "现在连接不上社区，您的账号没有任何变化。请过一会儿重新登录。"),
}

_STYLE = """
:root{color-scheme:light dark;--ink:#1f2329;--soft:#646a73;--paper:#fff;--ground:#f4f5f7;--accent:#c2410c}
@media (prefers-color-scheme:dark){:root{--ink:#f0f1f2;--soft:#a6abb3;--paper:#23262b;--ground:#15171a}}
*{box-sizing:border-box;margin:0}
body{min-height:100vh;display:flex;align-items:center;justify-content:center;padding:24px;background:var(--ground);
color:var(--ink);font:16px/1.7 -apple-system,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{width:100%;max-width:400px;padding:40px 28px 32px;border-radius:20px;background:var(--paper);text-align:center}
.mark{width:56px;height:56px;margin:0 auto 20px;border-radius:50%;border:2px solid var(--accent);
color:var(--accent);font-size:24px;line-height:52px;font-weight:600}
h1{font-size:22px;line-height:1.4;font-weight:600;text-wrap:balance}
p{margin:12px 0 28px;color:var(--soft);text-wrap:pretty}
a{display:block;padding:13px 20px;border-radius:12px;background:var(--accent);color:#fff;font-weight:600;
text-decoration:none}
a:focus-visible{outline:3px solid var(--ink);outline-offset:3px}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = Template(
    """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<div class="mark" aria-hidden="true">!</div>
<h1>$title</h1>
<p>$text</p>
<a href="$href">$action</a>
</main>
</body>
</html>
"""
)


def render(message: Message, *, href: str, action: str) -> str:
    """Return the page as HTML, with one button: `action` is its label, `href` where it leads."""
    words = {"title": message.title, "text": message.text, "href": href, "action": action}
    return _PAGE.substitute({name: html.escape(word) for name, word in words.items()}, style=_STYLE)
