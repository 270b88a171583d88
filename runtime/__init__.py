"""What every service stands on: settings, logging, clocks, tokens, the hardened acceptor.

May import: protocol.
"""
