"""The local AWS: the template is built with SAM, deployed into MiniStack, and its logs are read.

Front door: `ministack.start`, then `stack.build` and `stack.deploy`; `template` reads template.yaml for tests.
"""
