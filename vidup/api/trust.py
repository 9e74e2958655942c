"""EDGE: the certificates that vidup trusts, and whose they are."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Final

from vidup.errors import ExitCode, VidupError

_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def trust_store(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates to trust: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, else the system's (and SSL_CERT_FILE), else certifi's.

    Since Python 3.13 a certificate that breaks the letter of RFC 5280 is not trusted (VERIFY_X509_STRICT), and the authorities of proxies
    that look into TLS often do: without an Authority Key Identifier, say. Whoever names a bundle vouches for it, so that there the rule is
    as it was before 3.13; it stays for the system's certificates and certifi's.

    Raises VidupError(TRUST) naming the variable when its file cannot be read.
    """
    variable, path = _named(environ)
    if not path:
        return _system()[0]
    try:
        if variable == "SSL_CERT_FILE":
            os.stat(path)
        folder = os.path.isdir(path)
        context = ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except (OSError, ssl.SSLError) as unreadable:
        raise VidupError(
            ExitCode.TRUST, f"The CA bundle {path} cannot be used", cause=str(unreadable),
            advice=f"Correct or unset {variable}, then run the same command again.",
        ) from unreadable  # fmt: skip
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def trust_source(environ: Mapping[str, str]) -> str:
    """Whose certificates `trust_store` returns, in words."""
    variable, path = _named(environ)
    passed_over = [name for name in _VARIABLES if environ.get(name) not in (None, "", path)]
    before = f", which comes before {' and '.join(passed_over)}" if passed_over else ""
    return f"{path} ({variable}{before})" if path else _system()[1]


def _named(environ: Mapping[str, str]) -> tuple[str, str]:
    return next(((name, environ[name]) for name in _VARIABLES if environ.get(name)), ("", ""))


def _system() -> tuple[ssl.SSLContext, str]:
    context = ssl.create_default_context()
    if context.cert_store_stats()["x509_ca"]:
        return context, "the certificates of this system"
    import certifi

    context.load_verify_locations(certifi.where())
    return context, "the certificates of the Python package certifi, for this system has none"
