"""What a broker accepts: the quick look agrees with the close one, rule by rule."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.events import Earning, EarningReversed, MoneyEarned
from protocol.identity import REFERENCE_MAX
from protocol.limits import Limits
from protocol.messages import Publish
from protocol.partition import partition_of
from protocol.validation import Sender, all_accepted, refusals, unknown_players

NOW_MS = 1_700_000_000_000
LIMITS = Limits(amount_max=1_000, clock_ahead_ms=10)
PARTITIONS = 2
PLAYERS = ["alice", "bob", "carol", "dave", "erin"]
HOME = partition_of("alice", PARTITIONS)
KNOWN = {name for name in PLAYERS[:4] if partition_of(name, PARTITIONS) == HOME}

events = st.one_of(
    st.builds(
        MoneyEarned,
        player=st.sampled_from([*PLAYERS, "no such id!"]),
        amount=st.sampled_from([-1, 0, 1, 1_000, 1_001]),
        earned_at_ms=st.sampled_from([-1, 0, NOW_MS + 10, NOW_MS + 11]),
        reference=st.sampled_from(["", "match", "x" * REFERENCE_MAX, "x" * 129, "a\nb"]),
    ),
    st.builds(
        MoneyEarned,
        player=st.sampled_from(sorted(KNOWN)),
        amount=st.just(5),
        earned_at_ms=st.just(NOW_MS),
        reference=st.just("match"),
    ),
    st.builds(
        EarningReversed, player=st.just("alice"), amount=st.just(1), reversed_at_ms=st.just(0)
    ),
)
senders = st.sampled_from(
    [
        Sender("game", frozenset({"earn:any"})),
        Sender("game", frozenset({"earn:any", "reverse"})),
        Sender("alice", frozenset({"earn"})),
    ]
)


@given(st.lists(events, min_size=1, max_size=3), senders)
def test_what_is_accepted_quickly_is_what_has_no_refusal(
    batch: list[Earning], sender: Sender
) -> None:
    publish = Publish(HOME, 1, tuple(batch))
    voids = refusals(publish, sender, PARTITIONS, NOW_MS, LIMITS)
    voids |= unknown_players(publish, voids, KNOWN)
    quick = all_accepted(publish.events, sender, KNOWN, NOW_MS, LIMITS)
    reversals = any(isinstance(event, EarningReversed) for event in batch)
    assert quick == (not voids and not reversals)
