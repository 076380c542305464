"""The `jiuwu` command: what a person needs beside the deployed functions.

Front door: `main.app`. Each command is a file in `commands`; what it needs beside that file has a room of its own.
"""
