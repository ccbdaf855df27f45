"""Acts over the API need the token in the header: a cookie alone could be another site's doing."""

from django.http import HttpRequest, HttpResponse

from shebao.channels import errors


def bearer_missing(request: HttpRequest) -> HttpResponse | None:
    """The answer to an act without the token in its header; None when it is there."""
    if request.headers.get("Authorization", "").startswith("Bearer "):
        return None
    return errors.problem(request, 401, "ACC-03", "请在 Authorization 头中携带 Bearer 令牌")
