"""The `jiuwu` command: what a person needs beside the functions, from first handshake to forged notification."""

import typer

from jiuwu_cli.circuit import circuit
from jiuwu_cli.dead import dead
from jiuwu_cli.doctor import doctor
from jiuwu_cli.order import order
from jiuwu_cli.points import points
from jiuwu_cli.problems import OneLine
from jiuwu_cli.products import products
from jiuwu_cli.reconcile import reconcile
from jiuwu_cli.refund import refund
from jiuwu_cli.sign import sign
from jiuwu_cli.trigger import trigger
from jiuwu_cli.verify import verify

app = typer.Typer(
    cls=OneLine,
    name="jiuwu",
    help="Tools for connecting an app to the 玖伍社区 open platform. Start with `jiuwu doctor`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # A traceback's local variables would show secrets.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (doctor, sign, verify, trigger, order, reconcile, refund, points):
    app.command()(command)
app.add_typer(circuit)
app.add_typer(dead)
app.add_typer(products)

if __name__ == "__main__":
    app()
