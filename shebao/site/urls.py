"""All addresses, by channel."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("u/", include("shebao.channels.portal.urls")),
    path("p/", include("shebao.channels.personal.urls")),
    path("partners/", include("shebao.channels.partners.urls")),
    path("w/", include("shebao.channels.desk.urls")),
    path("a/", include("shebao.channels.administration.urls")),
    path("api/v1/", include("shebao.channels.openapi.urls")),
    path("", include("shebao.channels.public.urls")),
]
handler404 = "shebao.channels.errors.not_found"
handler500 = "shebao.channels.errors.failed"
