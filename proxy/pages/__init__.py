"""Pages for people, made on the server: confirm a request, consent to others', see what is kept of oneself."""

from fastapi import Request

from proxy.settings import Settings


def origin_of(settings: Settings, request: Request) -> str:
    """Where people reach our pages: as the settings say, else as this request reached us."""
    return (settings.public_url or str(request.base_url)).rstrip("/")
