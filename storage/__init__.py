"""What is kept, and where: the log, the read models, the archive, the player directory.

Every adapter has a twin in memory; one contract suite runs against all of a kind. All calls are
synchronous and may block: services call them in a worker thread with a limiter of their own.
May import: protocol.
"""
