"""`python -m tests.proof.mutations chosen|sample|all [part of a name …]`: exit code 1 when too many mutants survive.

chosen: the mutations chosen by hand, each with its killing tests. all: every generic one. sample: as many of those as
fit into SECONDS, drawn by SEED.
"""

import os
import sys

os.environ["CI"] = "true"  # Hypothesis then draws the same each time
# What tests load besides our own code, loaded once for all processes.
import boto3  # noqa: F401
import fastapi  # noqa: F401
import httpx  # noqa: F401
import hypothesis  # noqa: F401
import pydantic  # noqa: F401

from . import report

sys.exit(report.main(sys.argv[1:]))
