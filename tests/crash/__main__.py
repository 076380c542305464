"""`python -m tests.crash` prints the table of places to die; `--write` puts it into docs/proof.md."""

import sys

from jiuwu_cli.surroundings import show_every_character
from tests.crash.report import table, write

show_every_character()
if "--write" in sys.argv:
    write()
else:
    sys.stdout.write(table() + "\n")
