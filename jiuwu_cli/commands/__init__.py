"""One file for each command: options, help, output and exit code.

`main` registers them. Commands do not import each other; what two of them need is in a room below.
"""
