"""``moneyboard conform``: tests brokers and clients of ``moneyboard.v1`` from outside.

See ``docs/CONFORMANCE.md``. Frames are written here byte by byte, since a WebSocket library would
refuse to write the wrong ones.
"""
