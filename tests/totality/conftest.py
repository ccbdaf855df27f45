"""Django is started before the tests of this folder are read, so that they may import models at their top. It connects to nothing."""

from shebao.site.console_site import set_up

set_up()

from tests.db.conftest import cheap_hashes  # noqa: E402, F401 a fixture of those who sign in often
