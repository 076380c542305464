"""`python -m tests.crash` prints the table of places to die; `--write` puts it into docs/proof.md."""

import sys

from tests.crash.report import table, write

if "--write" in sys.argv:
    write()
else:
    sys.stdout.write(table() + "\n")
