"""Django is started before the tests of this folder are read, so that they may import models at their top. It connects to nothing."""

import tests.db.conftest  # noqa: F401 starts it, and makes passwords cheap
