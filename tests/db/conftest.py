"""Django is started before the tests of this folder are read, so that they may import models at their top. It connects to nothing."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from shebao.site.console_site import set_up

set_up()
# Argon2 as it is, but with little work: hundreds of passwords are made and checked here, and their cost is not the matter.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost = 1, 1024
