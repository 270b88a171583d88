"""The fence over every small case: a lane only ever grows by its next seqs."""

from itertools import product

from protocol.fence import Answer, judge


def test_every_small_case_against_the_law_in_words() -> None:
    for before, first, count in product(range(5), range(1, 7), range(1, 5)):
        has, offered = set(range(1, before + 1)), set(range(first, first + count))
        if offered <= has:
            expected = Answer.DUPLICATE
        elif min(offered) == max(has, default=0) + 1:
            expected = Answer.APPENDED
        else:
            expected = Answer.GAP
        assert judge(before, first, first + count - 1) is expected, (before, first, count)
