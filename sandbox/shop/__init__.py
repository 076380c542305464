"""The demo shop and the front door before it, which does API Gateway's part that the local AWS lacks.

Front door: `front_door.FrontDoor`; `python -m sandbox.shop` serves it.
"""
