"""Messages that failed permanently, kept to be read and redriven.

Front doors: `failed_message.read` and `repository.DeadLetterRepository`.
"""
