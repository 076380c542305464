"""Options that several commands share."""

import hashlib
import re
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated

import typer

from jiuwu_cli.terminal.errors import Misuse

ProfileName = Annotated[
    str, typer.Option("--profile", envvar="JIUWU_PROFILE", help="Which platform profile to sign by.", metavar="NAME")
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A parameter of the query; give it once for each.", metavar="NAME=VALUE"),
]
Body = Annotated[
    str | None,
    typer.Option("--body", help="The raw body: its text, @FILE, or - for standard input.", metavar="TEXT|@FILE|-"),
]
Path = Annotated[str, typer.Option("--path", help="The call's path, where the profile signs it too.", metavar="PATH")]
SecretEnv = Annotated[
    str | None,
    typer.Option(
        "--secret-env",
        help="The environment variable that holds the app secret. By default JIUWU_APP_SECRET, else the running "
        "sandbox's secret, else you are asked.",
        metavar="VARIABLE",
    ),
]
AppId = Annotated[
    str | None,
    typer.Option("--app-id", envvar="JIUWU_APP_ID", help="Your AppID; the sandbox's is known.", metavar="ID"),
]
Event = Annotated[
    str,
    typer.Argument(
        help="What happened: order.paid, order.cancelled, order.completed, order.refunded, user.updated, "
        "user.unauthorized, points.changed, content.audited, activity.changed or platform.notice.",
        metavar="EVENT",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Changes the sample: path=text, or path:=JSON. Once for each.", metavar="PATH=VALUE"),
]
SignedBody = Annotated[
    str | None,
    typer.Option(
        "--body",
        help="Sent instead of the sample, rightly signed: text, @FILE, or - for standard input.",
        metavar="TEXT|@FILE|-",
    ),
]
OrderNo = Annotated[
    str | None, typer.Option("--order", help="The order it is about; the sandbox knows its data.", metavar="NO")
]
WebhookUrl = Annotated[
    str | None, typer.Option("--url", help="Where to, when not to the running sandbox.", metavar="URL")
]
Copies = Annotated[int, typer.Option("--copies", min=1, max=200, help="How many copies, each signed afresh.")]
Simultaneous = Annotated[bool, typer.Option("--simultaneous", help="All copies at the same instant.")]
WrongSecret = Annotated[bool, typer.Option("--wrong-secret", help="Signed as an attacker would.")]
OldTimestamp = Annotated[bool, typer.Option("--old-timestamp", help="Signed as if it were an hour ago.")]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", help="A notification's header; once for each.", metavar="'NAME: VALUE'"),
]
Signature = Annotated[
    str | None, typer.Option("--signature", help="The signature they sent, if it is not among the parameters.")
]
Canonical = Annotated[
    str | None,
    typer.Option("--canonical", help="The canonical string they signed, if they tell it.", metavar="TEXT|@FILE|-"),
]
Now = Annotated[
    float | None,
    typer.Option("--now", help="When it was received, in Unix seconds; by default now.", metavar="SECONDS"),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say why it does not fit.")]
PreviousSecretEnv = Annotated[
    str | None,
    typer.Option("--previous-secret-env", help="The variable that holds the previous secret.", metavar="VARIABLE"),
]
GatewayUrl = Annotated[
    str | None,
    typer.Option("--url", envvar="JIUWU_PLATFORM_URL", help="The platform's gateway (PlatformUrl).", metavar="URL"),
]
OwnWebhookUrl = Annotated[
    str | None,
    typer.Option(
        "--webhook-url", envvar="JIUWU_WEBHOOK_URL", help="Your own URL for notifications, if deployed.", metavar="URL"
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack",
        envvar="JIUWU_STACK",
        help="The deployment's stack, such as jiuwu-prod, in the account and region of your AWS settings; without it "
        "the running sandbox's.",
        metavar="NAME",
    ),
]
Verify = Annotated[bool, typer.Option("--verify", help="Compare only; this is also what happens without it.")]
Repair = Annotated[bool, typer.Option("--repair", help="Show what the rules would mend, ask, and have it mended.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Orders made from this day or time on (Asia/Shanghai unless it names a zone). Default: yesterday.",
        metavar="DAY|TIME",
    ),
]
To = Annotated[
    str | None,
    typer.Option("--to", help="Up to the end of this day, or up to this time. Default: now.", metavar="DAY|TIME"),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Mend no more orders than this at once.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RequestId = Annotated[
    str | None,
    typer.Option(
        help="What makes two requests one. By default it is made of whom it is for and how much, so the same command "
        "twice is one, whatever its reason; give an id of your own where the same is wanted once more.",
        metavar="ID",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The statement as JSON on standard output.")]
CsvFile = Annotated[
    FilePath | None,
    typer.Option("--csv", help="Write the statement for spreadsheets, too.", metavar="FILE", show_default=False),
]


def request_id(given: str | None, *meaning: str) -> str:
    """Return the id given, or one made of what the request means: numbers count by their value, not by their digits,
    so that the same command twice is one request, however it is written. Raises Misuse."""
    if given is None:
        wanted = "\n".join(map(_by_value, meaning))
        return "cli-" + hashlib.sha256(wanted.encode()).hexdigest()[:20]
    if not re.fullmatch(r"[\x21-\x7e]{1,64}", given):
        raise Misuse("--request-id: 1 to 64 visible ASCII characters", "leave it out to have one made")
    return given


def _by_value(text: str) -> str:
    """Write a number in its shortest form, "2.00" as "2"; leave any other text as it is."""
    if not re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", text):
        return text
    return format(Decimal(text).normalize(), "f")
