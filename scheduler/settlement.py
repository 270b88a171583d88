"""Settlement: what a closed season pays, computed from its closing snapshots. Pure."""

from collections import Counter
from collections.abc import Sequence

from projector.folds.leaderboard import rank_order, ranks, standings_digest
from projector.folds.prizepool import awards, pool
from protocol.errors import ArchiveError
from protocol.partition import partition_of
from storage.archived import Award, PartitionState, Settlement, Standing


def settle(
    season: int, states: Sequence[PartitionState], *, opened_at_ms: int, carried_in: int
) -> Settlement:
    """Compute a season's settlement.

    Prizes of nothing, where the pool is too small for a place, are no awards.

    Args:
        season: which.
        states: the closing state of every partition.
        opened_at_ms: Unix time.
        carried_in: minor units left over by the season before.
    """
    ordered = rank_order([state.money for state in states])
    earned = sum(state.earned for state in states)
    money = pool(earned, carried_in)
    seqs: Counter[int] = Counter()
    paid = []
    for player, place, amount in awards(money, ordered):
        if amount:
            partition = partition_of(player, len(states))
            seqs[partition] += 1
            paid.append(Award(player, partition, seqs[partition], place, amount))
    paid_sum = sum(award.amount for award in paid)
    return Settlement(
        season=season,
        opened_at_ms=opened_at_ms,
        closed_at_ms=max(state.time_ms for state in states),
        players=len(ordered),
        earned=earned,
        carried_in=carried_in,
        pool=money,
        paid=paid_sum,
        carried_over=money - paid_sum,
        standings_digest=standings_digest(ordered),
        awards=tuple(paid),
    )


def final_standings(settlement: Settlement, states: Sequence[PartitionState]) -> list[Standing]:
    """Return the season's standings by rank and player id.

    Raises:
        ArchiveError: the states are not those that the settlement was computed from.
    """
    ordered = rank_order([state.money for state in states])
    if standings_digest(ordered) != settlement.standings_digest:
        raise ArchiveError(
            f"season {settlement.season}: the closing snapshots and the settlement differ"
        )
    prizes = {award.player: award.amount for award in settlement.awards}
    return [
        Standing(rank, player, money, prizes.get(player, 0))
        for rank, (player, money) in zip(ranks(ordered), ordered, strict=True)
    ]
