"""What games, services and stores agree on: events, messages, positions, money, errors.

Pure: no clock, no I/O, no Trio. May import the standard library and msgspec only.
"""
