"""`python -m offramp.migrate.history STATE AFTER_H [RETENTION_DAYS]`: what a gateway starts once an hour."""

import os
import sys
from pathlib import Path
from time import time_ns

from offramp.errors import OfframpError, UsageError
from offramp.migrate.history.keep import keep
from offramp.migrate.history.shelf import BusyError

_NICENESS = 19


def main(arguments: list[str]) -> int:
    """Run it at the lowest priority; the exit code is the error's. Whoever is at it already does it for us."""
    os.nice(_NICENESS)
    try:
        match arguments:
            case [folder, after_h]:
                keep(Path(folder), now_ns=time_ns(), after_h=int(after_h))
            case [folder, after_h, retention_days]:
                keep(Path(folder), now_ns=time_ns(), after_h=int(after_h), retention_days=int(retention_days))
            case _:
                raise UsageError("expected: STATE AFTER_H [RETENTION_DAYS]")
    except BusyError:
        return os.EX_OK
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
