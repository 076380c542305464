"""`python -m tests.proof.crash_points` prints the table of crash points; `--write` puts it into docs/proof.md."""

import sys

from jiuwu_cli.terminal.encoding import escape_unencodable
from tests.proof.crash_points.report import table, write

escape_unencodable()
if "--write" in sys.argv:
    write()
else:
    sys.stdout.write(table() + "\n")
