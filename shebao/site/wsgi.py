"""The WSGI application, for granian (or any other server). It refuses to start on a database role that could see everybody's rows."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from shebao.base.errors import ShebaoError
from shebao.site.guards import check_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shebao.site.settings")
application = get_wsgi_application()
try:
    check_start()
except ShebaoError as error:
    print(error.text, file=sys.stderr)
    sys.exit(2)
