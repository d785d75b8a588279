"""Make the options of a command from the parameters of questions, which are listed in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_type_hints

from footfall.answers.asked import PARAMETERS, Parameter
from footfall.cli.app import call_option

PLACE = "fmt"  # the options of the question come before this one


def add_question_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command an option for each parameter of a question. The command takes their values as keywords."""
    hints = get_type_hints(command, include_extras=True)
    given = inspect.signature(command).parameters.values()
    own = [each.replace(annotation=hints[each.name]) for each in given if each.kind is not each.VAR_KEYWORD]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    asked = [inspect.Parameter(each.keyword, kind, default=None, annotation=_make_option(each)) for each in PARAMETERS]
    at = next(number for number, each in enumerate(own) if each.name == PLACE)
    signature = inspect.Signature([*own[:at], *asked, *own[at:]])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return command


def _make_option(parameter: Parameter) -> Any:
    its_type: Any = {"count": int, "flag": bool}.get(parameter.kind, str)
    if parameter.choices:
        its_type = Literal[parameter.choices]
    option = call_option(
        parameter.option,
        metavar=parameter.metavar,
        minimum=1 if parameter.kind == "count" else None,
        about=parameter.about,
    )
    return Annotated[its_type | None, option]
