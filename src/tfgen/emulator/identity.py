"""How an emulator proves to which project it belongs, without giving its token away."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

PATH = "/_tfgen/identity"
PID_FILE = "emulator.pid"
MIN_NONCE = 16
MAX_NONCE = 128


def answer(token: str, nonce: str, *, project: str, pid: int) -> dict[str, Any]:
    """What an emulator answers to a caller that sent `nonce`: who it is, and the proof."""
    claims = {"version": 1, "project": project, "pid": pid, "nonce": nonce}
    return {**claims, "proof": _proof(token, claims)}


def is_genuine(token: str, nonce: str, document: Mapping[str, Any]) -> bool:
    """True if `document` answers this nonce and was made by someone who has the token."""
    claims = {key: document.get(key) for key in ("version", "project", "pid", "nonce")}
    proof = document.get("proof")
    if claims["nonce"] != nonce or not isinstance(proof, str):
        return False
    return hmac.compare_digest(proof.encode(), _proof(token, claims).encode())


def is_valid_nonce(nonce: str) -> bool:
    """True for a nonce that an emulator answers: letters and digits, neither short nor endless."""
    return MIN_NONCE <= len(nonce) <= MAX_NONCE and nonce.isascii() and nonce.isalnum()


def _proof(token: str, claims: Mapping[str, Any]) -> str:
    message = json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(token.encode(), message, hashlib.sha256).hexdigest()
