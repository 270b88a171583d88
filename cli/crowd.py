"""A synthetic crowd: players with names and countries, and what they earn. Pure, by seed."""

import random
from collections.abc import Sequence

from msgspec import Struct

from protocol.events import MoneyEarned

FIRST = (
    "Amber Arctic Blue Bold Brave Bright Calm Clever Copper Coral Crimson Daring Dusty Eager "
    "Early Electric Emerald Fabled Fast Fierce Frosty Gentle Giant Golden Grand Happy Hidden "
    "Humble Icy Iron Ivory Jade Jolly Keen Kind Lively Lone Lucky Lunar Mellow Merry Mighty "
    "Misty Noble Nimble Northern Ocean Odd Polar Prime Proud Quick Quiet Rapid Red Royal Rustic "
    "Sandy Scarlet Secret Sharp Shiny Silent Silver Sleek Smooth Solar Solid Spry Steady Stormy "
    "Sturdy Sunny Swift Tidal Tiny Topaz Tough Twin Urban Velvet Violet Vivid Wandering Warm "
    "Western Wild Winter Wise Witty Young Zesty"
).split()
SECOND = (
    "Badger Bear Beaver Bison Boar Buffalo Camel Cobra Condor Coyote Crane Crow Deer Dingo "
    "Dolphin Eagle Elk Falcon Ferret Finch Fox Gecko Goose Hare Hawk Heron Hornet Hound Husky "
    "Ibis Jackal Jaguar Kestrel Koala Lark Lemur Leopard Lion Lizard Llama Lynx Magpie Marten "
    "Mole Moose Moth Newt Ocelot Orca Oryx Otter Owl Panda Panther Parrot Pelican Penguin Pike "
    "Puffin Puma Quail Rabbit Raven Robin Salmon Seal Shark Sparrow Stag Stork Swan Tiger Toad "
    "Trout Turtle Viper Vole Walrus Wasp Weasel Whale Wolf Wombat Wren Yak Zebra"
).split()
COUNTRIES = (
    "AR AT AU BE BR CA CH CL CN CO CZ DE DK EG ES FI FR GB GR HU ID IE IN IT JP KE KR MA MX MY "
    "NG NL NO NZ PE PH PL PT RO RS SA SE SG TH TR TW UA US VN ZA"
).split()

SKILL_SIGMA = 0.7
"""Spread of skills (log-normal): the best earn some ten times as much a game as the median."""

AMOUNT_MEDIAN = 250
AMOUNT_SIGMA = 0.8


class CrowdPlayer(Struct, frozen=True):
    """A synthetic player; ``skill`` is a factor on what it earns."""

    id: str
    username: str
    name: str
    country: str
    skill: float


class Crowd:
    """Players who earn at random.

    Args:
        size: how many players.
        seed: the same seed gives the same crowd and the same earnings.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a show, not a secret
        self.players = [self._player(number) for number in range(size)]

    def earnings(self, count: int, now_ms: int, among: Sequence[CrowdPlayer]) -> list[MoneyEarned]:
        """Return ``count`` earnings of random players."""
        return [
            MoneyEarned(player.id, self._amount(player.skill), now_ms, "demo")
            for player in self._random.choices(among, k=count)
        ]

    def _player(self, number: int) -> CrowdPlayer:
        first, second = self._random.choice(FIRST), self._random.choice(SECOND)
        return CrowdPlayer(
            id=f"p{number:05d}",
            username=f"{first}{second}{number}".lower(),
            name=f"{first} {second}",
            country=self._random.choice(COUNTRIES),
            skill=self._random.lognormvariate(0.0, SKILL_SIGMA),
        )

    def _amount(self, skill: float) -> int:
        amount = AMOUNT_MEDIAN * skill * self._random.lognormvariate(0.0, AMOUNT_SIGMA)
        return max(1, int(amount))
