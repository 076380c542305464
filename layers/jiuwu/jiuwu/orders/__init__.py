"""An order and the rules of its life.

Front doors: `state_machine.apply`, which is pure, and `repository.OrderStore`.
"""
