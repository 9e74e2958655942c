"""What the console takes for granted of Click, though it is nowhere written down; after an upgrade these tell what broke."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.core import ParameterSource
from click.testing import CliRunner


def test_sources_of_values_are_ordered_from_the_user_outwards() -> None:
    """`outranks` compares them."""
    assert ParameterSource.COMMANDLINE < ParameterSource.ENVIRONMENT < ParameterSource.DEFAULT_MAP < ParameterSource.DEFAULT


class Defaults(dict[str, Any]):
    """One map for the group and all its commands, filled when it is first looked into."""

    def get(self, name: object, default: object = None) -> Any:
        return self

    def __contains__(self, name: object) -> bool:
        self["size"] = "7"
        return super().__contains__(name)


@pytest.mark.parametrize(
    ("words", "printed"),
    [(["run"], "7 DEFAULT_MAP"), (["run", "--size", "8"], "8 COMMANDLINE")],
)
def test_a_default_map_may_be_an_object_that_is_every_commands(words: list[str], printed: str) -> None:
    """Click asks the group's map for the command's by `get`, and looks for an option's default by `in` before it takes it."""

    @click.group(context_settings={"default_map": Defaults()})
    def group() -> None:
        """Nothing."""

    @group.command()
    @click.option("--size", type=int)
    @click.pass_context
    def run(context: click.Context, size: int) -> None:
        """Print a value, and where it is from."""
        source = context.get_parameter_source("size")
        click.echo(f"{size} {source.name if source else ''}")

    assert CliRunner().invoke(group, words).output == f"{printed}\n"
