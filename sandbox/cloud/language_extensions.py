"""Expand the loops (Fn::ForEach) of template.yaml: as much of the transform AWS::LanguageExtensions as it uses.

AWS expands them at deployment, the SAM CLI during a build; `template.load` uses this module.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

TRANSFORM = "AWS::LanguageExtensions"
_LOOP = "Fn::ForEach::"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")

type _Items = Mapping[str, str]  # identifier of each enclosing loop → its current item


def expand(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template without loops and transform; raise KeyError where an item has no row in Mappings."""
    if TRANSFORM not in template.get("Transform", ()):
        return dict(template)
    tables = template.get("Mappings", {})
    sections = {name: dict(_entries(template.get(name, {}), {}, tables)) for name in ("Resources", "Outputs")}
    return {**template, **sections, "Transform": [one for one in template["Transform"] if one != TRANSFORM]}


def _entries(section: Mapping[str, Any], items: _Items, tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a section; for a loop, the entries of its body once for each item."""
    for key, value in section.items():
        if key.startswith(_LOOP):
            identifier, collection, body = value
            for item in collection:
                yield from _entries(body, {**items, identifier: item}, tables)
        else:
            yield _filled(key, items), _resolved(value, items, tables) if items else value


def _resolved(node: Any, items: _Items, tables: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- any part of a template
    if isinstance(node, list):
        return [_resolved(one, items, tables) for one in node]
    if not isinstance(node, Mapping):
        return node
    return _computed({key: _resolved(value, items, tables) for key, value in node.items()}, items, tables)


def _computed(call: dict[str, Any], items: _Items, tables: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as above
    """Compute an intrinsic function whose arguments are known; return any other mapping as it is."""
    match call:
        case {"Ref": str(name)} if name in items:
            return items[name]
        case {"Fn::FindInMap": [str(table), str(row), str(column)]}:
            return tables[table][row][column]
        case {"Fn::Join": [str(separator), list(texts)]} if all(isinstance(text, str) for text in texts):
            return separator.join(texts)
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _filled(text, items)}
    return call


def _filled(text: str, items: _Items) -> str:
    return _PLACEHOLDER.sub(lambda found: items.get(found[1], found[0]), text)
