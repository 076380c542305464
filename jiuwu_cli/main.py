"""The `jiuwu` command: it registers the commands."""

import typer

from jiuwu_cli.commands.circuit import circuit
from jiuwu_cli.commands.dead_letters import dead_letters
from jiuwu_cli.commands.doctor import doctor
from jiuwu_cli.commands.login import login
from jiuwu_cli.commands.order import order
from jiuwu_cli.commands.orders import orders
from jiuwu_cli.commands.points import points
from jiuwu_cli.commands.products import products
from jiuwu_cli.commands.reconcile import reconcile
from jiuwu_cli.commands.refund import refund
from jiuwu_cli.commands.sign import sign
from jiuwu_cli.commands.trigger import trigger
from jiuwu_cli.commands.verify import verify
from jiuwu_cli.terminal.errors import OneLineErrorGroup

app = typer.Typer(
    cls=OneLineErrorGroup,
    name="jiuwu",
    help="Tools for connecting an app to the 玖伍社区 open platform. Start with `jiuwu doctor`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # a traceback's local variables would show secrets
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (doctor, sign, verify, trigger, login, orders, order, reconcile, refund, points):
    app.command()(command)
app.add_typer(circuit)
app.add_typer(dead_letters)
app.add_typer(products)

if __name__ == "__main__":
    app()
