"""Settings. What differs between installations comes from the environment; everything else is here, once."""

import os
from pathlib import Path

from shebao.site.database import data_folder, django_databases
from shebao.site.secrets import secret_key

BASE = Path(__file__).resolve().parent.parent
DATA = data_folder()

DEBUG = os.environ.get("SHEBAO_DEBUG") == "1"
SECRET_KEY = secret_key(DATA)
ALLOWED_HOSTS = os.environ.get("SHEBAO_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
PLACE = os.environ.get("SHEBAO_PLACE", "420100")  # the place whose parameters the public pages show
PARTNERS = DATA / "partners"  # keys
TAX_URL = os.environ.get("SHEBAO_TAX_URL", "")  # empty: no tax office yet, the outbox waits
PAY_URL = os.environ.get("SHEBAO_PAY_URL", "")  # where payers pay a bill by its number at the tax office: the number follows after a slash
BANK_URL = os.environ.get("SHEBAO_BANK_URL", "")  # the bank by HTTP; files then lie in a folder of our own
BANK_FOLDER = os.environ.get("SHEBAO_BANK_FOLDER", "")  # inbox/, outbox/, statements/ shared with the bank; empty: files go by hand
BASE_URL = os.environ.get("SHEBAO_BASE_URL", "http://localhost:8000")

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "shebao.audit",
    "shebao.ledger",
    "shebao.papers",
    "shebao.parties",
    "shebao.access",
    "shebao.enrolment",
    "shebao.accounts",
    "shebao.levy",
    "shebao.contact",
    "shebao.casework",
    "shebao.site.apps.SiteConfig",
]
MIDDLEWARE = [
    "shebao.channels.middleware.Guard",  # outermost: its headers are on static files too
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "shebao.channels.middleware.Acting",
]
ROOT_URLCONF = "shebao.site.urls"
WSGI_APPLICATION = "shebao.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = django_databases()
DATABASE_ROUTERS: list[str] = []

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE / "surfaces" / "templates", BASE / "channels" / "templates"],
        "OPTIONS": {
            "environment": "shebao.surfaces.jinja.environment",
            "context_processors": ["shebao.channels.frame.one_token"],
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE / "surfaces" / "static"]
STATIC_ROOT = DATA / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = False

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "shebao.channels.errors.csrf_failed"
CSRF_COOKIE_SECURE = BASE_URL.startswith("https:")
SIGNIN_COOKIE_SECURE = CSRF_COOKIE_SECURE
SIGNIN_IDLE_MINUTES = 30

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
FILE_UPLOAD_MAX_MEMORY_SIZE = 24 * 1024 * 1024
UPLOAD_BYTES_MAX = 20 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
