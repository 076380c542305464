"""`jiuwu products` on a deployed table, with a ProductSync that takes every product but `bad`."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import Result

from jiuwu_cli.products import product_sync
from tests.catalogue.remote_products import a_product, row
from tests.cli.conftest import Jiuwu, complaint

# In the real function's words.
FUNCTION = """
def handler(event, context):
    ids = event.get("product_ids", ["tea", "bad"] if event.get("retry_refused") else ["tea"])
    refused = [one for one in ids if one == "bad"]
    found = [{"product_id": one, "outcome": "refused", "detail": "title_forbidden"} for one in refused]
    outcomes = {"pushed": len(ids) - len(refused)} | ({"refused": len(refused)} if refused else {})
    down = ["products.upsert: PlatformBusy"] if "down" in ids else []
    return {"outcomes": outcomes, "findings": found, "more_findings": 0, "problems": down, "next": "",
            "finished": not down}
"""
TEMPLATE = {
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "product_id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "product_id", "KeyType": "HASH"}],
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Sync": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": FUNCTION},
            },
        },
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Sync"}}},
        "Live": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Sync"},
                "Name": "live",
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            },
        },
    },
    "Outputs": {"ProductsTable": {"Value": {"Ref": "Table"}}, "ProductSync": {"Value": {"Ref": "Sync"}}},
}
LIST = "product_id,title,price\ntea,龙井,6.17\ncup,茶杯,9\n"
type Products = Callable[..., Result]


@pytest.fixture(scope="module")
def deployed(aws: Callable[[str], Any]) -> dict[str, str]:
    """A stack: its name and its outputs."""
    name, cloudformation = f"shop-{uuid4().hex[:8]}", aws("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {"name": name} | {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def dynamodb(aws: Callable[[str], Any], deployed: dict[str, str]) -> Any:
    """DynamoDB, with the stack's table empty."""
    client, table = aws("dynamodb"), deployed["ProductsTable"]
    for item in client.scan(TableName=table)["Items"]:
        client.delete_item(TableName=table, Key={"product_id": item["product_id"]})
    return client


@pytest.fixture
def products(jiuwu: Jiuwu, dynamodb: Any, deployed: dict[str, str]) -> Products:
    """products("push", "list.csv") runs the command on the stack."""
    return lambda *arguments, **how: jiuwu("products", *arguments, "--stack", deployed["name"], **how)


@pytest.fixture
def rows(dynamodb: Any, deployed: dict[str, str]) -> Callable[[], dict[str, Any]]:
    """rows() are those of the table by product id."""
    table = deployed["ProductsTable"]
    return lambda: {item["product_id"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}


@pytest.fixture
def put(dynamodb: Any, deployed: dict[str, str]) -> Callable[..., None]:
    def write(**changes: Any) -> None:
        dynamodb.put_item(TableName=deployed["ProductsTable"], Item=row(a_product(**changes)))

    return write


def csv(text: str, name: str = "list.csv") -> str:
    Path(name).write_text(text, "utf-8")
    return name


def test_a_price_list_is_written_and_the_platform_told(products: Products, rows: Callable[[], dict[str, Any]]) -> None:
    pushed = products("push", csv(LIST))

    assert (0, "written: 2 new, 0 changed, 0 unchanged\nplatform: 2 pushed\n") == (pushed.exit_code, pushed.stdout)
    assert {"tea": "617", "cup": "900"} == {name: item["price_fen"]["N"] for name, item in rows().items()}


def test_an_unchanged_price_list_tells_the_platform_nothing(products: Products) -> None:
    products("push", csv(LIST), "--no-sync")
    again = products("push", csv(LIST))

    assert (0, "written: 0 new, 0 changed, 2 unchanged\n") == (again.exit_code, again.stdout)


def test_a_dry_run_writes_nothing(products: Products, rows: Callable[[], dict[str, Any]]) -> None:
    said = products("push", csv(LIST), "--dry-run").stdout

    assert (["would be written: 2 new, 0 changed, 0 unchanged"], {}) == (said.splitlines()[:1], rows())


def test_a_dry_run_lists_what_would_change_from_what_to_what(products: Products, put: Callable[..., None]) -> None:
    put(price_fen=600, price_points=300)
    put(product_id="old")
    put(product_id="same")
    text = "product_id,title,price,price_points\ntea,狮峰龙井,6.17,\nsame,龙井,6.17,\ncup,茶杯,9,50\n"
    said = products("push", csv(text), "--dry-run", "--prune").stdout

    assert [
        "unpublished: old",
        "would be written: 1 new, 2 changed, 1 unchanged",
        "  tea  title 龙井 → 狮峰龙井, price 6.00 → 6.17, price_points 300 → (none)",
        "  cup  new: on_shelf true, title 茶杯, price 9.00, price_points 50",
        "  old  on_shelf true → false",
    ] == said.splitlines()


def test_a_dry_run_of_a_long_list_says_how_many_more_there_are(products: Products) -> None:
    lines = "".join(f"p{n},x,1\n" for n in range(53))
    said = products("push", csv("product_id,title,price\n" + lines), "--dry-run").stdout.splitlines()

    assert ("  … and 3 more", 1 + 50 + 1) == (said[-1], len(said))


def test_one_wrong_line_keeps_all_others_out(products: Products, rows: Callable[[], dict[str, Any]]) -> None:
    result = products("push", csv(LIST + "pot,茶壶,六\nlid,,1\n"))

    assert (1, {}) == (result.exit_code, rows())
    assert "list.csv has 2 mistakes, so nothing was written" in complaint(result)
    assert ["line 4, price: ", "line 5, title: "] == [line[:15] for line in result.stderr.splitlines()[:2]]


def test_one_mistake_is_one(products: Products) -> None:
    assert "list.csv has 1 mistake, so nothing was written; mend it and push" in complaint(
        products("push", csv("product_id,title,price\npot,茶壶,六\n"))
    )


def test_an_id_that_a_spreadsheet_rewrote_is_refused_unless_it_stands_in_the_table(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]]
) -> None:
    put(product_id="00123")
    put(product_id="1E5")
    text = "product_id,title,price\n123,龙井,7\n1E5,龙井,7\n2E5,龙井,7\n"
    refused = products("push", csv(text), "--yes")

    assert (1, "617", "617") == (refused.exit_code, rows()["00123"]["price_fen"]["N"], rows()["1E5"]["price_fen"]["N"])
    assert ["line 2, product_id: '123'", "line 4, product_id: '2E5'"] == [
        line.partition(" is what")[0] for line in refused.stderr.splitlines()[:2]
    ]
    assert "--trust-ids takes ids as they stand" in complaint(refused)
    assert 0 == products("push", csv(text), "--yes", "--trust-ids").exit_code
    assert {"00123": "617", "123": "700", "1E5": "700", "2E5": "700"} == {
        name: item["price_fen"]["N"] for name, item in rows().items()
    }


def test_what_chinese_excel_writes_is_read_and_said_so(products: Products, rows: Callable[[], dict[str, Any]]) -> None:
    Path("list.csv").write_bytes("商品编号,名称,价格\r\ntea,龙井,￥6.17\r\n".encode("gb18030"))
    pushed = products("push", "list.csv")

    assert (0, "龙井") == (pushed.exit_code, rows()["tea"]["title"]["S"])
    assert "list.csv was read as GB18030" in pushed.stderr


# ── Large changes ─────────────────────────────────────────────────────────────────────────────────────────────────────

PRICES = "product_id,title,price,price_points\n"


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("tea,龙井,1250,300", "tea  price 12.50 → 1250.00: more than 50 %"),
        ("tea,龙井,18.76,300", "tea  price 12.50 → 18.76: more than 50 %"),
        ("tea,龙井,6.24,300", "tea  price 12.50 → 6.24: more than 50 %"),
        ("tea,龙井,12.5,451", "tea  price_points 300 → 451: more than 50 %"),
        ("tea,龙井,12.5,3", "tea  price_points 300 → 3: more than 50 %"),
    ],
)
def test_a_price_that_moves_by_more_than_half_is_asked_about(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]], line: str, about: str
) -> None:
    put(price_fen=1250, price_points=300)
    for number in range(5):
        put(product_id=f"p{number}")
    before = rows()
    refused = products("push", csv(PRICES + line + "\n"), stdin="y\n")

    assert (1, before) == (refused.exit_code, rows())
    assert f"about {about}\n" in refused.stderr
    assert "give --yes" in complaint(refused)
    assert 0 == products("push", csv(PRICES + line + "\n"), "--yes").exit_code
    assert before != rows()


@pytest.mark.parametrize("line", ["tea,龙井,18.75,300", "tea,龙井,6.25,450", "tea,龙井,12.5,", "tea,狮峰龙井,12.5,150"])
def test_a_price_that_moves_by_half_is_written(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]], line: str
) -> None:
    put(price_fen=1250, price_points=300)
    for number in range(4):
        put(product_id=f"p{number}")

    assert (0, 5) == (products("push", csv(PRICES + line + "\n")).exit_code, len(rows()))


def test_more_than_a_fifth_of_the_products_changed_is_asked_about_at_the_terminal(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]], terminal: None
) -> None:
    for number in range(10):
        put(product_id=f"p{number}")
    text = (
        "product_id,title,price,on_shelf\np0,龙井,6.17,false\np1,龙井,6.18,true\np2,绿茶,6.17,true\nnew,新茶,9,true\n"
    )
    declined = products("push", csv(text), stdin="n\n")

    assert (130, 10) == (declined.exit_code, len(rows()))
    assert "about 3 of 10 products change, 1 of them off the shelf: more than a fifth\n" in declined.stderr
    assert (0, 11) == (products("push", csv(text), stdin="y\n").exit_code, len(rows()))
    assert 0 == products("push", csv(text)).exit_code  # nothing is left to ask about


def test_what_is_off_the_shelf_does_not_make_a_change_of_all_others_small(
    products: Products, put: Callable[..., None]
) -> None:
    for number in range(10):
        put(product_id=f"old{number}", on_shelf=False)
    for number in range(2):
        put(product_id=f"p{number}")
    result = products("push", csv("product_id,title,price\np0,龙井,6.18\np1,龙井,6.18\n"))

    assert "about 2 of 2 products change: more than a fifth\n" in result.stderr


def test_a_fifth_of_the_products_and_any_number_of_new_ones_are_written(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]]
) -> None:
    for number in range(10):
        put(product_id=f"p{number}")
    new = "".join(f"n{number},新茶,9\n" for number in range(30))
    text = f"product_id,title,price\np0,绿茶,6.17\np1,龙井,6.18\n{new}"

    assert (0, 40) == (products("push", csv(text)).exit_code, len(rows()))


def test_a_dry_run_says_what_would_be_asked_about(products: Products, put: Callable[..., None]) -> None:
    put(price_fen=1250)
    result = products("push", csv("product_id,title,price\ntea,龙井,1250\n"), "--dry-run")

    assert 0 == result.exit_code
    assert "would ask about tea  price 12.50 → 1250.00: more than 50 %" in result.stderr


@pytest.mark.parametrize(
    ("content", "said"), [("", "is empty"), ("a,b\n", "no column 'a'"), ("product_id,title\n", "price must be")]
)
def test_a_file_that_is_no_price_list_is_refused_in_one_line(products: Products, content: str, said: str) -> None:
    assert said in complaint(products("push", csv(content)))


def test_a_file_that_is_not_there_is_misuse(products: Products) -> None:
    result = products("push", "nowhere.csv")

    assert 2 == result.exit_code
    assert "nowhere.csv cannot be read" in complaint(result)


def test_a_refused_product_is_said_with_the_platforms_reason(products: Products, put: Callable[..., None]) -> None:
    put(product_id="bad", refused="title_forbidden: 标题含有禁用词\x1b[2J")
    result = products("push", csv(LIST + "bad,高仿,9\n"), "--yes")

    assert 1 == result.exit_code
    assert "platform: 2 pushed, 1 refused\n  refused   bad  title_forbidden: 标题含有禁用词\\x1b[2J\n" in result.stdout
    assert "1 product is not at the platform as it is here" in complaint(result)


def test_a_platform_that_is_down_is_said(products: Products) -> None:
    result = products("push", csv(LIST + "down,x,9\n"))

    assert (2, True) == (result.exit_code, "platform: 3 pushed\n" in result.stdout)
    assert "the sync stopped after 3 products, the rest was not compared: products.upsert: PlatformBusy" in complaint(
        result
    )


@pytest.mark.parametrize(
    ("outcomes", "problem", "code", "said"),
    [
        ({"same": 36}, "", 0, ""),
        ({"same": 35, "repaired": 1}, "", 0, ""),
        ({"same": 35, "malformed": 1}, "", 1, "1 product is not at the platform as it is here"),
        ({"same": 34, "refused": 2}, "", 1, "2 products are not at the platform as they are here"),
        ({"same": 34, "failed": 1, "busy": 1}, "", 2, "2 products could not be compared"),
        (
            {"same": 7, "failed": 3},
            "x: Busy",
            2,
            "the sync stopped after 10 products, the rest was not compared: x: Busy",
        ),
        ({"refused": 1, "failed": 3}, "x: Busy", 1, "as it is here, and the sync stopped after 4 products"),
    ],
)
def test_the_exit_code_of_a_comparison_says_whether_both_sides_agree_differ_or_it_could_not_tell(
    products: Products, monkeypatch: pytest.MonkeyPatch, outcomes: dict[str, int], problem: str, code: int, said: str
) -> None:
    totals = product_sync.SyncTotals(Counter(outcomes), problem=problem)
    monkeypatch.setattr(product_sync, "every", lambda *_, **__: totals)
    result = products("sync")

    assert code == result.exit_code
    assert not said or said in complaint(result)


@pytest.mark.parametrize("is_held", [True, False])
def test_a_lane_that_an_operator_holds_is_said_once_and_not_for_each_product(
    products: Products, monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    findings = {one: product_sync.Finding(one, "failed", "products.get: CircuitOpen") for one in ("tea", "cup")}
    totals = product_sync.SyncTotals(Counter(failed=2), findings, problem="products.get: CircuitOpen")
    monkeypatch.setattr(product_sync, "every", lambda *_, **__: totals)
    monkeypatch.setattr("jiuwu_cli.deployment.lanes.is_forced_open", lambda _, lane: is_held and lane == "products")

    result = products("sync")

    held = "an operator opened the circuit of the lane products; `jiuwu circuit reset --lane products` ends that"
    assert (2, is_held) == (result.exit_code, held in complaint(result))
    assert (0 if is_held else 2) == result.stdout.count("CircuitOpen")


def test_the_help_of_sync_says_that_it_puts_the_platform_right(jiuwu: Jiuwu) -> None:
    help_text = " ".join(jiuwu("products", "sync", "--help").stdout.split())

    assert "push those that differ" in help_text
    assert "Exit code 0: the platform has each product as the table does." in help_text


def test_the_whole_catalogue_takes_off_what_it_lacks_after_asking(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]], terminal: None
) -> None:
    put(product_id="old")
    put(product_id="older", on_shelf=False)
    refused = products("push", csv(LIST), "--prune", stdin="n\n")
    assert (130, ["old", "older"]) == (refused.exit_code, sorted(rows()))
    assert "about 1 product off the shelf\n" in refused.stderr

    said = products("push", csv(LIST), "--prune", "--yes").stdout
    assert said.startswith("unpublished: old\nwritten: 2 new, 1 changed, 0 unchanged\n")
    assert {"tea": True, "cup": True, "old": False, "older": False} == {
        name: item["on_shelf"]["BOOL"] for name, item in rows().items()
    }


def test_a_product_taken_off_keeps_its_row(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]]
) -> None:
    put(price_points=300)
    result = products("unpublish", "tea")

    assert (0, "unpublished: tea\nplatform: 1 pushed\n") == (result.exit_code, result.stdout)
    assert row(a_product(price_points=300, on_shelf=False)) == rows()["tea"]


def test_taking_off_what_is_not_there_changes_nothing(
    products: Products, put: Callable[..., None], rows: Callable[[], dict[str, Any]]
) -> None:
    put()

    assert "there is no product 'teapot'" in complaint(products("unpublish", "tea", "teapot"))
    assert rows()["tea"]["on_shelf"]["BOOL"]


def test_the_list_shows_what_the_platform_made_of_each(
    products: Products, put: Callable[..., None], dynamodb: Any, deployed: dict[str, str]
) -> None:
    digest = a_product().digest
    put(product_id="synced", synced_hash=digest, price_points=300)
    put(product_id="waiting", on_shelf=False)
    put(product_id="refused", synced_hash=digest, refused="title_forbidden: 不妥")
    dynamodb.put_item(TableName=deployed["ProductsTable"], Item={"product_id": {"S": "malformed"}, "title": {"S": "x"}})
    lines = products("list").stdout.splitlines()

    assert [
        ["malformed", "malformed", "price_fen", "is", "missing", "or", "wrong"],
        ["refused", "refused", "6.17", "龙井", "title_forbidden:", "不妥"],
        ["synced", "synced", "6.17", "300", "points", "龙井"],
        ["waiting", "waiting", "6.17", "龙井", "off", "the", "shelf"],
    ] == sorted(line.split() for line in lines)
    assert [line for line in lines if line.startswith("refused")] == products("list", "--refused").stdout.splitlines()


@pytest.mark.parametrize(
    ("option", "code", "said"), [((), 0, "1 pushed"), (("--retry-refused",), 1, "1 pushed, 1 refused")]
)
def test_all_products_are_synced_now(products: Products, option: tuple[str, ...], code: int, said: str) -> None:
    result = products("sync", *option)

    assert code == result.exit_code, result.output
    assert f"platform: {said}" in result.stdout
