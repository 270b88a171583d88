"""Attacks with good tokens and good messages: on seqs, on lanes and on other people's money."""

from protocol.errors import ErrorCode, RefusalCode
from protocol.events import EarningReversed, MoneyEarned
from protocol.limits import DEFAULT_LIMITS
from protocol.messages import Ack, Bye, Error, Gap, Publish, Refused
from protocol.money import SUM_LIMIT
from protocol.partition import PARTITIONS_DEFAULT, partition_of
from tests.hostile.attacks.swarm import PEERS, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import EndedError, Peer, message, peer

REPLAYS = 20
BATCHES_AHEAD = 4
"""Batches of who is refused that are sent before their refusals are read."""


def home(player: str) -> int:
    """Return a player's partition."""
    return partition_of(player, PARTITIONS_DEFAULT)


async def seq_jumps(target: Target, budget: Budget) -> None:
    """Seqs that skip, and that cannot be: a Gap for the first, an Error for the others."""
    player = target.players[2]
    where, event = home(player), MoneyEarned(player, 1, 0)
    jumps: tuple[tuple[int, int, object], ...] = (
        (where, 2, Gap(where, 0)),
        (where, 2**40, Gap(where, 0)),
        (where, SUM_LIMIT - 1, Gap(where, 0)),
        (where, SUM_LIMIT, ErrorCode.SEQ_INVALID),
        (where, 2**63 - 1, ErrorCode.SEQ_INVALID),
        (where, 2**64 - 1, ErrorCode.SEQ_INVALID),
        (where, 0, ErrorCode.SEQ_INVALID),
        (where, -1, ErrorCode.SEQ_INVALID),
        (PARTITIONS_DEFAULT, 1, ErrorCode.PARTITION_UNKNOWN),
        (-1, 1, ErrorCode.PARTITION_UNKNOWN),
        (2**62, 1, ErrorCode.PARTITION_UNKNOWN),
    )

    async def attempt() -> None:
        partition, first, expected = jumps[budget.attempts % len(jumps)]
        async with peer(target) as found:
            await found.open(target)
            await found.send(message(Publish(partition, first, (event,))))
            answer = await found.message()
            if expected not in (answer, getattr(answer, "code", None)):
                budget.breach(f"seq {first} of partition {partition}: {answer}")
            budget.saw("refused")

    await swarm(budget, PEERS, attempt)


async def replays(target: Target, budget: Budget) -> None:
    """The same seqs again and again, also with another amount in them: counted once."""
    player = target.players[3]

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            for amount in range(1, REPLAYS + 1):
                events = (MoneyEarned(player, amount, 0),) * 2
                await found.send(message(Publish(home(player), 1, events)))
            await found.send(message(Bye()))
            await _acked_up_to_two(found, budget)

    await swarm(budget, PEERS, attempt)


async def wrong_partitions(target: Target, budget: Budget) -> None:
    """Earnings in a partition that is not the player's: each is void."""
    player = target.players[4]
    where = (home(player) + 1) % PARTITIONS_DEFAULT

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(message(Publish(where, 1, (MoneyEarned(player, 1, 0),) * 10)))
            await _refused(found, budget, 10, RefusalCode.PARTITION_WRONG)

    await swarm(budget, PEERS, attempt)


async def stolen_producers(target: Target, budget: Budget) -> None:
    """Hello with the id of an honest producer, which belongs to another subject."""
    token = target.game_token()

    async def attempt() -> None:
        victim = target.victims[budget.attempts % len(target.victims)]
        async with peer(target) as found:
            await found.upgraded()
            answer = await found.greet(token, victim)
            if not isinstance(answer, Error) or answer.code is not ErrorCode.PRODUCER_FOREIGN:
                budget.breach(f"an honest producer's id was answered with {answer}")
            budget.saw("refused")

    await swarm(budget, PEERS, attempt)


async def foreign_players(target: Target, budget: Budget) -> None:
    """A player's own token that earns for, and takes back from, the honest ones' players."""
    token = target.mint(target.players[5], "earn")

    async def attempt() -> None:
        victim = target.honest_players[budget.attempts % len(target.honest_players)]
        events = (MoneyEarned(victim, 10**9, 0), EarningReversed(victim, 10**9, 0))
        async with peer(target) as found:
            await found.open(target, token)
            await found.send(message(Publish(home(victim), 1, events)))
            await _refused(found, budget, 1, RefusalCode.PLAYER_FOREIGN)
            await _refused(found, budget, 1, RefusalCode.SCOPE)

    await swarm(budget, PEERS, attempt)


async def refused_batches(target: Target, budget: Budget) -> None:
    """Batches of the greatest size, all of it refused, again and again."""
    player, size = target.players[6], DEFAULT_LIMITS.batch_events
    kinds = (MoneyEarned(player, 0, 0), MoneyEarned("no-such-player", 1, 0))

    async def publish(found: Peer, event: MoneyEarned) -> None:
        first = 1
        while True:
            for _ in range(BATCHES_AHEAD):
                publish = Publish(home(event.player), first, (event,) * size)
                await found.send(message(publish))
                first += size
            refused = 0
            while refused < BATCHES_AHEAD * size:
                refused += isinstance(await found.message(), Refused)
            budget.saw("refused", refused)

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await publish(found, kinds[budget.attempts % len(kinds)])

    await swarm(budget, PEERS, attempt)


async def _refused(found: Peer, budget: Budget, times: int, code: RefusalCode) -> None:
    for _ in range(times):
        answer = await found.message()
        if not isinstance(answer, Refused) or answer.code is not code:
            budget.breach(f"answered with {answer} instead of {code.value}")
        budget.saw("refused")


async def _acked_up_to_two(found: Peer, budget: Budget) -> None:
    """Read to the end, which is Acks up to the seq 2 alone: they are cumulative."""
    try:
        while True:
            answer = await found.message()
            if not isinstance(answer, Ack) or answer.through != 2:
                budget.breach(f"a replay was answered with {answer}")
            budget.saw("acked")
    except EndedError:
        return
