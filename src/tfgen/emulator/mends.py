"""Where the emulator behaves unlike AWS, and the narrow change that mends it: one function per gap.

Each function says what AWS does, what ministack 1.5.33 does and where. Each has a test that fails
once the pinned release no longer needs it. No mend ever weakens a check of IAM.
"""

from __future__ import annotations

from collections.abc import Callable


def loopback_counts_as_secure() -> None:
    """`aws:SecureTransport` on the loopback interface.

    AWS: endpoints speak TLS, so the TLS-only statement of a bucket, topic or queue policy denies
    nobody who uses them ordinarily.
    Emulator: it speaks plain HTTP, so the same statement locks out every role
    (`core/iam_evaluator.py`, `pin_request_origin`; called by `app.app`). Nothing can listen in
    between on the loopback interface, which is all that the statement asks for.
    """
    from ministack import app
    from ministack.core import iam_evaluator

    original = iam_evaluator.pin_request_origin

    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
        original(source_ip, secure_transport or source_ip in ("127.0.0.1", "::1"))

    iam_evaluator.pin_request_origin = pin_request_origin
    app.pin_request_origin = pin_request_origin


MENDS: tuple[Callable[[], None], ...] = (loopback_counts_as_secure,)


def install_mends() -> None:
    """Apply every mend to the ministack that is imported into this process."""
    for mend in MENDS:
        mend()
