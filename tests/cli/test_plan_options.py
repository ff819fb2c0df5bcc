"""The options of `offramp plan`: each input has one, and says what it is."""

import inspect
from dataclasses import fields
from pathlib import Path

from offramp.cli.plan_options import HELP, Run, parted, signature
from offramp.migrate.plan.inputs import Inputs


def test_every_input_has_an_option_with_a_word_of_help() -> None:
    names = [*(field.name for field in fields(Inputs)), *(field.name for field in fields(Run))]

    assert names == list(signature().parameters)
    assert HELP.keys() == set(names)


def test_what_is_given_becomes_the_inputs_and_the_run() -> None:
    options = {
        name: parameter.default
        for name, parameter in signature().parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }

    inputs, run = parted({**options, "alternative": ["gpt-4o-mini"], "growth": 0.1, "html": Path("x.html")})

    assert inputs == Inputs(alternative=("gpt-4o-mini",), growth=0.1)
    assert run == Run(html=Path("x.html"))
