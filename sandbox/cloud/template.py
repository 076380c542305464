"""template.yaml as plain data: CloudFormation's short tags spelled out, loops expanded."""

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sandbox.cloud import language_extensions
from sandbox.cloud.environments import ROOT

type Resource = dict[str, Any]

TEMPLATE = ROOT / "template.yaml"


class _Loader(yaml.CSafeLoader):  # libyaml: five times as fast, and tests read it often
    pass


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the whole template, expanded: !Ref X as {"Ref": "X"}, !GetAtt A.B as {"Fn::GetAtt": ["A", "B"]}."""
    loaded: dict[str, Any] = pickle.loads(_parsed(path.read_text("utf-8")))
    return loaded


@cache
def _parsed(text: str) -> bytes:
    """Return template.yaml, parsed once per process; pickled, so that each caller gets a copy of its own."""
    return pickle.dumps(language_extensions.expand(yaml.load(text, _Loader)))


def resources(kind: str, path: Path = TEMPLATE) -> dict[str, Resource]:
    """Return the properties of the resources of one type, by logical id."""
    found = load(path)["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in found if resource["Type"] == kind}
