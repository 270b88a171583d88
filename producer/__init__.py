"""What accepts earnings (the broker) and what games send them with (the client).

May import: protocol, storage, runtime.
"""
