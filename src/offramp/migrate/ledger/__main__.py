"""`python -m offramp.migrate.ledger upgrade STATE`: what the serving side starts when the ledger's tables are old."""

import os
import sys
from pathlib import Path

from offramp.errors import OfframpError, UsageError
from offramp.migrate.ledger.upgrade import upgrade


def main(arguments: list[str]) -> int:
    """Run it; the exit code is the error's."""
    try:
        match arguments:
            case ["upgrade", folder]:
                upgrade(Path(folder))
            case _:
                raise UsageError("expected: upgrade STATE, with the state folder's path")
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
