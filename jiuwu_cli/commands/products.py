"""`jiuwu products`: bring the merchant's catalogue from a CSV file to the table and the platform."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from jiuwu.catalogue.repository import Item, Product, RowMalformed, Rows, from_item
from jiuwu.platform.money import yuan
from jiuwu_cli.deployment import lanes, stack
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.products import price_file, product_sync
from jiuwu_cli.products.large_changes import large_changes
from jiuwu_cli.products.price_list import Entry
from jiuwu_cli.products.row_writer import ProductWriter, WriteSummary, changes
from jiuwu_cli.terminal import options
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, OneLineErrorGroup, UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

_SHOWN = 50  # products, before "and N more"
_LANE = "products"  # of calls about products

products = typer.Typer(
    cls=OneLineErrorGroup,
    name="products",
    help="Push your catalogue from a CSV file to the table and the platform.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

File = Annotated[Path, typer.Argument(help="A CSV file, as Excel or WPS saves it.", metavar="FILE.csv")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be written, product by product, and write nothing.")
]
NoSync = Annotated[bool, typer.Option("--no-sync", help="Do not invoke ProductSync; its schedule pushes the changes.")]
Prune = Annotated[bool, typer.Option("--prune", help="Unpublish products that are not in the file.")]
TrustIds = Annotated[bool, typer.Option("--trust-ids", help="Accept ids that look rewritten by a spreadsheet.")]
Refused = Annotated[bool, typer.Option("--refused", help="Only products that the platform refused.")]
RetryRefused = Annotated[
    bool, typer.Option("--retry-refused", help="Try refused products once more, though they have not changed.")
]
Ids = Annotated[list[str], typer.Argument(help="Ids of products.", metavar="PRODUCT_ID...")]


@products.command()
def push(  # noqa: PLR0913 -- options of a command
    file: File,
    *,
    dry_run: DryRun = False,
    no_sync: NoSync = False,
    prune: Prune = False,
    trust_ids: TrustIds = False,
    yes: options.Yes = False,
    stack_name: options.StackName = None,
) -> None:
    """Write a price list to the products table, and push the changes to the platform.

    The first line names the columns: product_id, title, price (yuan, such as 6.17) or price_fen, and optionally
    on_shelf (true or false) and price_points; Chinese names work too (商品编号, 名称, 价格, 上架, 积分价). A column
    that the file lacks stays unchanged. Nothing is written if any line is wrong, which includes a new id that looks
    rewritten by a spreadsheet. The command asks for confirmation before a price changes by more than 50 %, more than a
    fifth of the products change, or --prune unpublishes products.

    Exit code 1: the platform refused a product. 2: not all products could be pushed.

    Examples:

    `jiuwu products push catalogue.csv --dry-run`

    `jiuwu products push catalogue.csv --stack jiuwu-prod`
    """
    content = price_file.content(file)
    deployment = stack.find(stack_name)
    items = {item["product_id"]: item for item in _rows(deployment).every()}
    entries = price_file.entries(file, content, standing=items, trust_ids=trust_ids)
    gone = _gone(items, entries) if prune else []
    if gone:
        print_line(f"unpublished: {_named(gone)}")
    entries += [_off(product_id) for product_id in gone]
    _ask(_questions(items, entries, gone), yes=yes, dry_run=dry_run)
    table = deployment.output("ProductsTable")
    written = ProductWriter(deployment.client("dynamodb"), table, dry_run=dry_run).write(entries)
    if dry_run:
        _would(written)
        return
    print_line(f"written: {written}")
    _tell(deployment, [*written.new, *written.changed], no_sync=no_sync)


@products.command()
def unpublish(product_ids: Ids, *, no_sync: NoSync = False, stack_name: options.StackName = None) -> None:
    """Take products off sale, here and at the platform. Their rows stay, so that both sides keep them."""
    deployment = stack.find(stack_name)
    dynamodb, table = deployment.client("dynamodb"), deployment.output("ProductsTable")
    found = Rows(dynamodb, table).get_many(product_ids)
    if unknown := [product_id for product_id in product_ids if product_id not in found]:
        raise UsageError(f"there is no product {unknown[0]!r}", "`jiuwu products list` shows them all")
    ProductWriter(dynamodb, table).write(_off(product_id) for product_id in found)
    print_line(f"unpublished: {', '.join(found)}")
    _tell(deployment, list(found), no_sync=no_sync)


@products.command()
def sync(*, retry_refused: RetryRefused = False, stack_name: options.StackName = None) -> None:
    """Push changed products, compare all others with the platform, and push those that differ.

    The schedule does the same within the hour. Exit code 0: the platform has each product as the table does. 1: the
    platform refuses a product, or its row is malformed. 2: not all could be compared.
    """
    deployment = stack.find(stack_name)
    _show(deployment, product_sync.every(deployment, retry_refused=retry_refused))


@products.command("list")
def list_(*, refused: Refused = False, stack_name: options.StackName = None) -> None:
    """List the products with their price in yuan and their state at the platform.

    `synced`: the platform had it as the table does when they were last compared. `waiting`: it changed, and the next
    run pushes it. `refused`: the platform refuses it, with the reason. `malformed`: a field of the row is missing or
    wrong.
    """
    deployment = stack.find(stack_name)
    count = 0
    for item in _rows(deployment).every():
        if not refused or item.get("refused"):
            print_line(_line(item))
            count += 1
    print_note(pluralize(count, "product"))


def _gone(items: Mapping[str, Item], entries: Iterable[Entry]) -> list[str]:
    """Return the ids of published products that are not in the file."""
    kept = {entry.product_id for entry in entries}
    return sorted(one for one, item in items.items() if one not in kept and item.get("on_shelf") is True)


def _questions(items: Mapping[str, Item], entries: Iterable[Entry], gone: list[str]) -> list[str]:
    """Return the reasons to ask for confirmation, one line each."""
    taken_off = [f"{pluralize(len(gone), 'product')} off the shelf"] if gone else []
    return taken_off + large_changes(changes(items, entries), items=items).reasons()


def _ask(questions: list[str], *, yes: bool, dry_run: bool) -> None:
    if not questions or yes:
        return
    for question in questions[:_SHOWN]:
        print_note(f"{'would ask about' if dry_run else 'about'} {question}")
    if len(questions) > _SHOWN:
        print_note(f"and {len(questions) - _SHOWN} more")
    if not dry_run:
        confirm("Write these changes?")


def _would(written: WriteSummary) -> None:
    print_line(f"would be written: {written}")
    for change in written.first:
        print_line(f"  {change}")
    if written.more:
        print_line(f"  … and {written.more} more")


def _off(product_id: str) -> Entry:
    return Entry(product_id, {"on_shelf": False})


def _rows(deployment: Stack) -> Rows:
    return Rows(deployment.client("dynamodb"), deployment.output("ProductsTable"))


def _tell(deployment: Stack, product_ids: list[str], *, no_sync: bool) -> None:
    if no_sync or not product_ids:
        return
    _show(deployment, product_sync.some(deployment, product_ids))


def _show(deployment: Stack, totals: product_sync.SyncTotals) -> None:
    """Print the result. Raise CommandError if the platform refused a product or not all were compared."""
    counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(totals.outcomes.items()))
    print_line(f"platform: {counts or 'no products'}")
    is_blocked = totals.outcomes["failed"] > 0 and lanes.is_forced_open(deployment, _LANE)
    found = [one for one in totals.findings.values() if not (one.outcome == "failed" and is_blocked)]
    refused = [one.product_id for one in found if one.outcome == "refused"]
    reasons = {product_id: item.get("refused") for product_id, item in _some(deployment, refused)}
    for one in found[:_SHOWN]:
        print_line(f"  {one.outcome:<9} {one.product_id}  {reasons.get(one.product_id) or one.detail}".rstrip())
    if more := max(0, len(found) - _SHOWN) + totals.more_findings:
        print_line(f"  and {more} more")
    rest = f"an operator opened the circuit of the lane {_LANE}" if is_blocked else _rest(totals)
    if totals.wrong:
        are, they = ("is", "it is") if totals.wrong == 1 else ("are", "they are")
        differ = f"{pluralize(totals.wrong, 'product')} {are} not at the platform as {they} here"
        raise CommandError(", and ".join(filter(None, (differ, rest))), "change the refused products and push again")
    if rest:
        hint = f"`jiuwu circuit reset --lane {_LANE}` ends that" if is_blocked else "`jiuwu products sync` tries again"
        raise product_sync.NotCompared(rest, hint)


def _rest(totals: product_sync.SyncTotals) -> str:
    """Return what was not compared, as text; "" if all was."""
    if totals.problem:
        done = pluralize(totals.done, "product")
        return f"the sync stopped after {done}, the rest was not compared: {totals.problem}"
    return f"{pluralize(totals.unknown, 'product')} could not be compared" if totals.unknown else ""


def _some(deployment: Stack, product_ids: Iterable[str]) -> Iterator[tuple[str, Item]]:
    yield from _rows(deployment).get_many(islice(product_ids, _SHOWN)).items()


def _line(item: Item) -> str:
    try:
        product = from_item(item)
    except RowMalformed as wrong:
        return f"{wrong.product_id:<24} malformed  {wrong.field} is missing or wrong"
    points = pluralize(product.price_points, "point") if product.price_points else ""
    shelf = "" if product.on_shelf else "off the shelf"
    parts = (
        f"{product.product_id:<24} {_state(product):<9} {yuan(product.price_fen):>12}",
        points,
        product.title,
        shelf,
    )
    return "  ".join(filter(None, (*parts, product.refused)))


def _state(product: Product) -> str:
    if product.changed:
        return "waiting"
    return "refused" if product.refused else "synced"


def _named(product_ids: list[str]) -> str:
    more = f" and {len(product_ids) - _SHOWN} more" if len(product_ids) > _SHOWN else ""
    return ", ".join(product_ids[:_SHOWN]) + more
