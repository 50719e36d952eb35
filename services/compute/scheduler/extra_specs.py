"""Matching a flavor's extra spec with an aggregate's value: a plain value, or an operator and operands
(Nova's admin guide, "ComputeCapabilitiesFilter"; the same language serves aggregates)."""

from __future__ import annotations

import operator
from collections.abc import Callable

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,  # "equal to or greater than", as documented
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
}


def _numeric(compare: Callable[[float, float], bool], value: str, operand: str) -> bool:
    try:
        return compare(float(value), float(operand))
    except ValueError:
        return False


def matches(value: str, spec: str) -> bool:
    """Whether an aggregate's `value` (comma-separated alternatives) meets `spec`."""
    return any(_matches_one(alternative.strip(), spec) for alternative in value.split(","))


def _matches_one(value: str, spec: str) -> bool:
    words = spec.split()
    if not words:
        return value == spec
    head, operands = words[0], words[1:]
    if head == "<or>":
        return value in [word for word in operands if word != "<or>"]
    if head == "<in>" and operands:
        return operands[0] in value
    if head == "<all-in>" and operands:
        return all(operand in value for operand in operands)
    if head in _NUMERIC and len(operands) == 1:
        return _numeric(_NUMERIC[head], value, operands[0])
    if head in _TEXTUAL and len(operands) == 1:
        return _TEXTUAL[head](value, operands[0])
    return value == spec
