"""The limits of the HTTP API, in one place."""

PAGE_DEFAULT = 100
PAGE_MAX = 1_000
"""Entries a page: about 120 KB of JSON."""

NEIGHBOURS_MAX = 50
CURSOR_MAX = 256
SEARCH_MAX = 20

BODY_BYTES_MAX = 8 * 1024 * 1024
REGISTER_MAX = 10_000
"""Players a POST: about 1 MB of NDJSON."""

USERNAME_MAX = 32
NAME_MAX = 64

NAMES_CACHED = 100_000
"""Directory entries cached: about 30 MB."""
NAMES_TTL_S = 5.0
"""How long a name may be old when another query process changed it."""

BOARD_TTL_S = 0.1
"""How long an encoded board is served before it is read anew."""

MARK_TTL_S = 2.0
"""How often to look for a newer snapshot to measure rank changes against."""

MARK_WAIT_S = 0.2
"""How long a ranking waits for a newer mark; loading a million players takes seconds."""

RESULTS_CACHED = 10_000
"""Players whose results in closed seasons are kept: some KB each after many seasons."""

WINDOW_TRIES = 5
"""Reads of a player's window: each earning that comes between two reads costs one."""

THREADS = 8
"""Blocking calls into archive and directory at once; further ones wait."""
