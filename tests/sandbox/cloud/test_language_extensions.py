"""Expansion of loops in a template."""

from typing import Any

import pytest

from sandbox.cloud.language_extensions import TRANSFORM, expand

SAM = "AWS::Serverless-2016-10-31"


def expanded(resources: dict[str, Any], **sections: Any) -> Any:
    return expand({"Transform": [TRANSFORM, SAM], "Resources": resources, **sections})


def test_a_loop_is_replaced_by_one_entry_per_item() -> None:
    loop = ["Name", ["Orders", "Members"], {"${Name}Table": {"Type": "T"}}]

    found = expanded({"First": {}, "Fn::ForEach::Tables": loop, "Last": {}})["Resources"]

    assert ["First", "OrdersTable", "MembersTable", "Last"] == list(found)


def test_nested_loops_produce_one_entry_per_combination() -> None:
    inner = ["Metric", ["Errors", "Throttles"], {"${Function}${Metric}": {"Name": {"Ref": "Metric"}}}]

    found = expanded({"Fn::ForEach::Outer": ["Function", ["Shop", "Sync"], {"Fn::ForEach::Inner": inner}]})["Resources"]

    names = {"ShopErrors": "Errors", "ShopThrottles": "Throttles", "SyncErrors": "Errors", "SyncThrottles": "Throttles"}
    assert {name: {"Name": metric} for name, metric in names.items()} == found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"Ref": "Name"}, "Orders"),
        ({"Ref": {"Ref": "Name"}}, {"Ref": "Orders"}),
        ({"Ref": "Stage"}, {"Ref": "Stage"}),
        ({"Fn::GetAtt": [{"Ref": "Name"}, "Arn"]}, {"Fn::GetAtt": ["Orders", "Arn"]}),
        ({"Fn::FindInMap": ["Limits", {"Ref": "Name"}, "Most"]}, 7),
        ({"Fn::Sub": "${Stage}-${Name}"}, {"Fn::Sub": "${Stage}-Orders"}),
        ({"Fn::Join": [" - ", [{"Ref": "Name"}, "late"]]}, "Orders - late"),
        ({"Fn::Join": ["/", [{"Ref": "Stage"}, {"Ref": "Name"}]]}, {"Fn::Join": ["/", [{"Ref": "Stage"}, "Orders"]]}),
        ({"Plain": ["${Name}", 1, False]}, {"Plain": ["${Name}", 1, False]}),
    ],
)
def test_the_item_replaces_the_identifier(written: object, expected: object) -> None:
    loop = ["Name", ["Orders"], {"${Name}": {"Value": written}}]

    found = expanded({}, Outputs={"Fn::ForEach::Names": loop}, Mappings={"Limits": {"Orders": {"Most": 7}}})

    assert {"Orders": {"Value": expected}} == found["Outputs"]


def test_an_item_without_a_row_in_mappings_is_an_error() -> None:
    loop = ["Name", ["Orders"], {"${Name}": {"Fn::FindInMap": ["Limits", {"Ref": "Name"}, "Most"]}}]

    with pytest.raises(KeyError, match="Orders"):
        expanded({"Fn::ForEach::Names": loop}, Mappings={"Limits": {}})


def test_only_the_applied_transform_is_removed() -> None:
    assert [SAM] == expanded({})["Transform"]


def test_a_template_without_the_transform_is_unchanged() -> None:
    plain = {"Transform": SAM, "Resources": {"Queue": {"Name": {"Ref": "Name"}}}}

    assert plain == expand(plain)
