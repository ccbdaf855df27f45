"""Django is started before the tests of this folder are read, so that they may import models at their top. It connects to nothing."""

from collections.abc import Iterator

import pytest

from shebao.site.console_site import set_up

set_up()


@pytest.fixture(scope="module")
def cheap_hashes() -> Iterator[None]:
    """Argon2 as it is, but with little work: where hundreds of passwords are made and their cost is not the matter."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    from tests import make

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Argon2PasswordHasher, "time_cost", 1)
        patch.setattr(Argon2PasswordHasher, "memory_cost", 1024)
        patch.setattr(make, "_hashed", "")
        yield
