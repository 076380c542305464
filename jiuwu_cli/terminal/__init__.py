"""The terminal, for every command: options, inputs, confirmation, output, times, URLs and errors.

Front doors: `output.say`, `errors.CommandError` and `errors.UsageError`.
"""
