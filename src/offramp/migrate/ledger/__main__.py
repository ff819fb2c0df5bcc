"""`python -m offramp.migrate.ledger upgrade STATE`: what the serving side starts when the ledger's tables are old.

`script` instead writes what a new ledger is made of: `store/schema.sql`.
"""

import os
import sys
from pathlib import Path

from offramp.errors import OfframpError, UsageError
from offramp.migrate.ledger.upgrade import script, upgrade


def main(arguments: list[str]) -> int:
    """Run it; the exit code is the error's."""
    try:
        match arguments:
            case ["upgrade", folder]:
                upgrade(Path(folder))
            case ["script"]:
                sys.stdout.write(script())
            case _:
                raise UsageError("expected: upgrade STATE, with the state folder's path, or: script")
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
