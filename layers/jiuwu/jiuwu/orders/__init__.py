"""An order, and the rules for what happens to it.

Front doors: `state_machine.apply`, which is pure, and `repository.OrderStore`.
"""
