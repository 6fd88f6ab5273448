"""Messages that push services carry and cannot read (RFC 8291, ``aes128gcm`` of RFC 8188)."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SALT_BYTES: Final = 16
RECORD_BYTES: Final = 4096
"""Of the only record, and what a push service has to take."""
LONGEST_PLAIN: Final = 3993
"""What is left of it: without the head, the tag and the byte that ends the text."""

_LAST: Final = b"\x02"


def encrypted(
    plain: bytes, receiver: bytes, secret: bytes, *, key: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """The body of a push message, for a *receiver*'s public key and its authentication *secret*.

    *key* and *salt* are for this message alone. Raises ValueError where *receiver* is no point of
    P-256, or *plain* has more than ``LONGEST_PLAIN`` bytes.
    """
    if len(plain) > LONGEST_PLAIN:
        raise ValueError(f"{len(plain)} bytes are too many for a push message")
    other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), receiver)
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), other)
    material = _derived(shared, secret, b"WebPush: info\0" + receiver + own, 32)
    content_key = _derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(material, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_BYTES.to_bytes(4) + len(own).to_bytes(1) + own
    return head + AESGCM(content_key).encrypt(nonce, plain + _LAST, None)


def _derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(material)
