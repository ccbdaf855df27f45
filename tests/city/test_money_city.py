"""Thousands of steps through the city's money in random order; SHEBAO_TEST_CITY=2000 asks for that many lives instead of a few."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from shebao.site.console_site import set_up

set_up()

from tests.city.money import MoneyCity, make_city  # noqa: E402 - models are read only after Django is set up

LIVES = int(os.environ.get("SHEBAO_TEST_CITY", "20"))
STEPS = 40


@pytest.fixture(scope="module")
def city(database: str) -> None:
    make_city()


def test_whatever_happens_in_whatever_order_the_books_say_what_an_independent_reckoning_says(city: None) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        MoneyCity,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="SHEBAO_TEST_CITY" not in os.environ,
            database=None,
            phases=(Phase.generate,) if LIVES < 100 else (Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    came_to = ", ".join(f"{word} {n:,}" for word, n in sorted(MoneyCity.reached.items()))
    print(f"{MoneyCity.lives:,} lives, {MoneyCity.steps_done:,} steps; came to: {came_to}")
    common = {"assessed", "paid twice", "late fee", "statement", "deferred", "corrected", "flexible bill"}
    assert MoneyCity.reached.keys() >= common, common - MoneyCity.reached.keys()
