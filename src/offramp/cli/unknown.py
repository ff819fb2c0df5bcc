"""What to say of a command that does not exist."""

import difflib

from offramp.cli.table import COMMANDS


def unknown(name: str) -> str:
    """One line with the command that was probably meant, else with all of them."""
    close = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.6)
    hint = f"did you mean `offramp {close[0]}`?" if close else f"there are: {', '.join(COMMANDS)}"
    return f"there is no command {name!r}; {hint}"
