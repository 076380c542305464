"""The target of a command: a stack in an AWS account, or the running sandbox.

Front doors: `stack.find` and `sandbox_state.find`.
"""
