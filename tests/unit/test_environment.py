"""Settings are read from the environment, and what is wrong there is named."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from environment import Settings, SettingsError, read_environment, read_settings


class Own(Settings, frozen=True, kw_only=True):
    """Of each kind one."""

    name: str = "somebody"
    port: int = 1
    seconds: float = 0.5
    loud: bool = False
    kind: Literal["quorum", "classic"] = "quorum"
    data_dir: Path = Path("/here")

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise ValueError("nobody is no name")


def test_every_kind_of_field_is_read() -> None:
    variables = {
        "QUORATE_NAME": "12", "QUORATE_PORT": "80", "QUORATE_SECONDS": "3", "QUORATE_LOUD": "true",
        "QUORATE_KIND": "classic", "QUORATE_DATA_DIR": "/there", "QUORATE_OTHER": "of somebody else", "PORT": "81",
    }  # fmt: skip
    read = read_environment(Own, variables)
    assert read == Own(name="12", port=80, seconds=3.0, loud=True, kind="classic", data_dir=Path("/there"))
    assert type(read.seconds) is float


def test_what_is_given_comes_first_and_what_nobody_sets_has_its_default() -> None:
    assert read_environment(Own, {"QUORATE_PORT": "80"}, port=81, unknown=1) == Own(port=81)


def test_everything_that_is_wrong_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUORATE_PORT", "eighty")
    monkeypatch.setenv("QUORATE_KIND", "stream")
    with pytest.raises(SystemExit) as ended:
        read_settings(Own)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "QUORATE_PORT: 'eighty' is not of the kind int",
        "QUORATE_KIND: 'stream' is not one of quorum, classic",
    ]


def test_a_class_may_refuse_what_its_fields_allow() -> None:
    with pytest.raises(SettingsError, match="nobody is no name"):
        read_environment(Own, {"QUORATE_NAME": "nobody"})


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Own().port = 2  # type: ignore[misc]
