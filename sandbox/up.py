"""Start the sandbox and keep it up, showing what happens: `python -m sandbox.up`. Ctrl-C ends it."""

import argparse
import os
import re
import signal
import socket
import sys
import time
from textwrap import fill

from jiuwu.platform import profile
from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud.environments import ROOT
from sandbox.cloud.logs import Tail
from sandbox.environment import Ports, Sandbox
from sandbox.install import InstallFailed
from sandbox.processes import ProcessFailed

_WELCOME = """
The sandbox is up ({seconds:.0f} s). Ctrl-C ends it and leaves nothing behind.

  shop         {shop}   log in, order, pay
  platform     {simulator}/   the simulated 玖伍社区: its orders, and buttons to pay and cancel
  signatures   {simulator}/debug/signature   paste a request, see what differs
  API          {api}   what platform, app and your servers call: /oauth/login, /orders, /webhooks/jiuwu, /merchant/…
  AWS          {aws}   for example: aws --endpoint-url {aws} sqs list-queues
  logs         {folder}/*.log
  state        {state}   the URLs above, the app secret, and the merchant key that /merchant/… wants

  Make something happen at the platform, which then tells us:
    curl -X POST {simulator}/_sim/orders/ORDER_NO/pay        also /cancel, /complete, /refund
  Log a member in, for calls of your own; it prints the session token{place}:
    {jiuwu} login ou_yutong
  Send only the notification, true or not{place}:
    {jiuwu} trigger order.paid --order ORDER_NO
    also {events}
  Take the platform down; with {{}} instead of {{"calls": …}} it is up again:
    curl -X PUT {simulator}/_sim/faults -H content-type:application/json -d '{{"calls": {{"server_error": 1}}}}'

What happens from now on (order, time of Asia/Shanghai, function):
"""
_OTHER_EVENTS = sorted(set(profile.load().notification.event_types) - {"order.paid"})


def main() -> int:
    """Return 0 after Ctrl-C, 1 when a part did not start or ended by itself."""
    escape_unencodable()
    given = _arguments()
    # also where SIGINT was ignored when this began, as a shell has it for what it runs in the background
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.default_int_handler)
    try:
        with Sandbox(given.name, ports=Ports(given.port_base)) as sandbox:
            print(_welcome(sandbox), flush=True)
            _follow(sandbox)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
    except (ProcessFailed, InstallFailed, OSError) as fault:
        print(f"the sandbox ends: {fault}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.up", description=__doc__)
    parser.add_argument("--name", default="default", type=_name, help="names its folder below .sandbox/run")
    parser.add_argument(
        "--port-base",
        type=_port_base,
        default=os.environ.get("PORT_BASE") or None,
        help="listen on this port and the two after it (also PORT_BASE); free ones otherwise",
    )
    return parser.parse_args()


def _port_base(text: str) -> int:
    """Return the first of three free ports in a row; argparse also passes the variable's value."""
    base = int(text) if text.isascii() and text.isdigit() else 0
    if not 1024 <= base <= 65_533:
        raise argparse.ArgumentTypeError("a number from 1024 to 65533")
    for port in range(base, base + 3):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise argparse.ArgumentTypeError(f"port {port} is in use; choose another PORT_BASE") from None
    return base


def _name(text: str) -> str:
    if not re.fullmatch("[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError("lowercase letters, digits and hyphens")
    return text


def _welcome(sandbox: Sandbox) -> str:
    home = sandbox.state_file.parent.parent
    return _WELCOME.format(
        seconds=sum(sandbox.seconds.values()),
        shop=sandbox.shop_url,
        simulator=sandbox.simulator_url,
        api=sandbox.api_url,
        aws=sandbox.stack.endpoint_url,
        folder=sandbox.folder.relative_to(ROOT),
        state=sandbox.state_file.relative_to(ROOT),
        # the command takes the sandbox of the folder that it is called in
        place="" if home == ROOT else f" (in {home.relative_to(ROOT)})",
        jiuwu=os.path.relpath(ROOT / ".venv/bin/jiuwu", home),
        events=fill(", ".join(_OTHER_EVENTS), 100, subsequent_indent="    "),
    )


def _follow(sandbox: Sandbox) -> None:
    resources = sandbox.stack.resources
    tail = Tail(sandbox.aws("logs"), resources["Logs"], {physical: name for name, physical in resources.items()})
    while True:
        sandbox.check()
        for line in tail.poll():
            print(line, flush=True)
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
