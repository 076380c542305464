"""Members' points: reserved, spent and returned once each. Front door: `ledger.PointsLedger`."""
