"""What tests of the simulator's orders share: an order that is paid, pushed, refunded."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types

from tests.sandbox.simulator.simulated import Merchant

CONTRACT = yaml.safe_load((Path(__file__).parents[3] / "docs/platform-contract.yaml").read_text("utf-8"))


def fits(schema: str, value: object) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
    Draft202012Validator(whole).validate(value)


async def paid(one: Merchant, number: str = "JW1") -> dict[str, Any]:
    assert (await one.place(number))["code"] == 0
    return await one.control("POST", f"orders/{number}/pay")


async def push(one: Merchant, status: str, request_no: str = "r1", number: str = "JW1") -> int:
    body = {"status": status, "request_no": request_no}
    code: int = (await one.call("orders.push_status", body=body, out_order_no=number))["code"]
    return code


async def give_back(
    one: Merchant, transaction_id: str, amount: str = "12.34", refund_no: str = "RF1"
) -> dict[str, Any]:
    body = {"out_order_no": "JW1", "out_refund_no": refund_no, "transaction_id": transaction_id, "amount": amount}
    return await one.call("refunds.create", body=body | {"reason": "late payment"})
