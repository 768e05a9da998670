"""Records of rounds as text, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np

from tssd_keras.judge import record as record_module
from tssd_keras.judge.record import RoundRecord


def records_to_text(records: Sequence[RoundRecord]) -> str:
    """As JSON; every number comes back as it was."""
    return json.dumps([asdict(record) for record in records], default=_plain)


def records_of_text(text: str) -> list[RoundRecord]:
    """What `records_to_text` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is no such text.
    """
    return [_record(one) for one in json.loads(text)]


def _record(values: dict) -> RoundRecord:
    parts: dict[str, object] = {"epoch": values["epoch"]}
    for field in fields(RoundRecord):
        if field.name != "epoch":
            parts[field.name] = getattr(record_module, str(field.type))(**values[field.name])
    return RoundRecord(**parts)  # type: ignore[arg-type]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record must hold numbers and texts, got a {type(value).__name__}.")
