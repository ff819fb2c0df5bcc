"""The process's environment, for whoever is allowed to read it: configuration and the command line."""

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """The variables of this process, live."""
    return os.environ
