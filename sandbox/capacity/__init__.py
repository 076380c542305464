"""How far it goes and what it costs: a model with AWS's published limits, held against the real code in one process."""
