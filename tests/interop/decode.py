"""Opens sealed batches by docs/envelope.md alone, in another language than the product's.

    decode.py CORE_SECRET SITE_PUBLIC FILE...

Keys are lines of key files or the hexadecimal digits alone. One line of JSON a file: what the batch
says, or the step that refused it.
"""

import hashlib
import hmac
import json
import sys

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"SEKISHO\x01"
HEADER_MAX, MANIFEST_MAX, CONTENT_MAX = 64 << 10, 1 << 20, 64 << 20
CHUNK, TAG = 64 << 10, 16
RECORDS = {
    "P": "Patient",
    "V": "Coverage",
    "E": "Encounter",
    "A": "AllergyIntolerance",
    "C": "Condition",
    "R": "MedicationRequest",
    "D": "MedicationAdministration",
    "O": "Observation",
    "S": "ServiceRequest",
    "U": "Procedure",
    "N": "NutritionOrder",
}
HEADER_KEYS = {"format", "suite", "site", "sequence", "recipients", "signer", "salt"}


class Refused(Exception):
    """The step that refused a batch."""


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


# CBOR, RFC 8949: the types and lengths that the specification names, and nothing else.


def item(data, at, depth=0):
    """The data item at a place, and the place behind it."""
    if depth > 32 or at >= len(data):
        raise Refused("cbor")
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if short in (20, 21, 22):
            return {20: False, 21: True, 22: None}[short], at
        raise Refused("cbor")
    if short < 24:
        value = short
    elif short < 28:
        size = 1 << (short - 24)
        value, at = int.from_bytes(taken(data, at, size), "big"), at + size
    else:
        raise Refused("cbor")
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        raw, at = taken(data, at, value), at + value
        return (raw if major == 2 else text(raw)), at
    if major == 4:
        found = []
        for _ in range(value):
            one, at = item(data, at, depth + 1)
            found.append(one)
        return found, at
    if major == 5:
        found = {}
        for _ in range(value):
            key, at = item(data, at, depth + 1)
            one, at = item(data, at, depth + 1)
            key = key if isinstance(key, str) else written(key)
            if key in found:
                raise Refused("cbor")
            found[key] = one
        return found, at
    raise Refused("cbor")


def taken(data, at, size):
    if at + size > len(data):
        raise Refused("cbor")
    return data[at : at + size]


def text(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("cbor") from None


def whole(data):
    value, end = item(data, 0)
    if end != len(data):
        raise Refused("cbor")
    return value


# HPKE in base mode, RFC 9180, over X-Wing with HKDF-SHA-256 and AES-256-GCM.

SUITE_ID = b"HPKE" + bytes([0x64, 0x7A, 0, 1, 0, 2])


def expand(key, info, size):
    out, block = b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = mac(key, block + info + bytes([number]))
        out += block
    return out[:size]


def labeled_extract(salt, label, data):
    return mac(salt or bytes(32), b"HPKE-v1" + SUITE_ID + label + data)


def labeled_expand(key, label, info, size):
    return expand(key, size.to_bytes(2, "big") + b"HPKE-v1" + SUITE_ID + label + info, size)


def x_wing(seed, encapsulated):
    """The shared secret, draft-connolly-cfrg-xwing-kem."""
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    from_lattice = lattice.decapsulate(encapsulated[:1088])
    point = encapsulated[1088:]
    try:
        from_curve = curve.exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise Refused("decrypt") from None
    public = curve.public_key().public_bytes_raw()
    return hashlib.sha3_256(from_lattice + from_curve + point + public + b"\\.//^\\").digest()


def public_key(seed):
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key()
    curve = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key()
    return lattice.public_bytes_raw() + curve.public_bytes_raw()


def unwrap(seed, encapsulated, wrapped, info):
    shared = x_wing(seed, encapsulated)
    context = b"\0" + labeled_extract(b"", b"psk_id_hash", b"")
    context += labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    key = labeled_expand(secret, b"key", context, 32)
    nonce = labeled_expand(secret, b"base_nonce", context, 12)
    return opened(AESGCM(key), nonce, wrapped, b"")


def opened(cipher, nonce, data, bound):
    try:
        return cipher.decrypt(nonce, data, bound)
    except (InvalidTag, ValueError):
        raise Refused("decrypt") from None


# The batch.


def split(data):
    if data[:7] != MAGIC[:7] or len(data) < 8:
        raise Refused("layout")
    if data[7:8] != MAGIC[7:]:
        raise Refused("format")
    header_end = 12 + bounded(data[8:12], HEADER_MAX)
    manifest_end = len(data) - 68
    if header_end > manifest_end:
        raise Refused("layout")
    manifest_start = manifest_end - bounded(data[-4:], MANIFEST_MAX)
    if header_end > manifest_start:
        raise Refused("layout")
    parts = data[12:header_end], data[header_end:manifest_start], data[manifest_start:manifest_end]
    return *parts, data[manifest_end:-4], data[:manifest_start]


def bounded(length, most):
    value = int.from_bytes(length, "big")
    if len(length) < 4 or value > most:
        raise Refused("layout")
    return value


def checked_header(raw):
    header = whole(raw)
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise Refused("cbor")
    if header["format"] != 1:
        raise Refused("format")
    if header.get("suite") != 1:
        raise Refused("suite")
    recipients = header.get("recipients")
    if set(header) != HEADER_KEYS or not isinstance(recipients, list):
        raise Refused("cbor")
    ids = [one["key"] for one in recipients]
    if not 1 <= len(ids) <= 4 or len(set(ids)) != len(ids):
        raise Refused("cbor")
    return header


def body(data, key, bound):
    plain, count = b"", -(-len(data) // (CHUNK + TAG))
    if count == 0:
        raise Refused("decrypt")
    cipher = AESGCM(key)
    for number in range(count):
        chunk = data[number * (CHUNK + TAG) : (number + 1) * (CHUNK + TAG)]
        nonce = number.to_bytes(11, "big") + bytes([number + 1 == count])
        plain += opened(cipher, nonce, chunk, bound)
    return plain


def items(packed):
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 22).stream_reader(packed) as reader:
            plain = reader.read(CONTENT_MAX + 1)
    except zstandard.ZstdError:
        raise Refused("content") from None
    if len(plain) > CONTENT_MAX:
        raise Refused("content")
    found, at = [], 0
    while at < len(plain):
        one, at = item(plain, at)
        found.append(one)
    return found


def content(manifest, found):
    """What the items are, held against the counts of the manifest."""
    erased = found.pop(0) if manifest.get("erased") and found else []
    terms = found.pop(0) if manifest.get("terms") and found else []
    documents, records = {}, {}
    withdrawn = envelopes = staff = institutions = 0
    for subject in found:
        envelopes += "v" in subject
        for document in subject["d"]:
            if document["s"] != subject["s"]:
                raise Refused("content")
            documents[document["k"]] = documents.get(document["k"], 0) + 1
            withdrawn += document["t"] == "w"
            for participant in document.get("p", []):
                staff += "s" in participant["w"]
                institutions += "i" in participant["w"]
            for record in document.get("r", []):
                (kind,) = record
                kind = RECORDS[kind]
                records[kind] = records.get(kind, 0) + 1
    stated = (
        manifest["subjects"],
        manifest.get("erased", 0),
        manifest.get("terms", 0),
        manifest.get("envelopes", 0),
        manifest.get("staff", 0),
        manifest.get("institutions", 0),
        manifest["withdrawn"],
        manifest["documents"],
        manifest["records"],
    )
    counted = (
        len(found),
        len(erased),
        len(terms),
        envelopes,
        staff,
        institutions,
        withdrawn,
        documents,
        records,
    )
    if stated != counted:
        raise Refused("counts")
    return {"erased": erased, "terms": terms, "subjects": found}


def decode(data, seed, site):
    raw_header, sealed, raw_manifest, signature, before = split(data)
    header, manifest = checked_header(raw_header), whole(raw_manifest)
    same = all(header[key] == manifest.get(key) for key in ("format", "site", "sequence"))
    if not same:
        raise Refused("header")
    if manifest["body"] != {"len": len(sealed), "sha256": sha256(before)}:
        raise Refused("body")
    if header["signer"] != sha256(site)[:8]:
        raise Refused("signer")
    signed = b"sekisho batch v1\0" + sha256(raw_header) + raw_manifest
    try:
        Ed25519PublicKey.from_public_bytes(site).verify(signature, signed)
    except InvalidSignature:
        raise Refused("signature") from None
    ours = sha256(public_key(seed))[:8]
    for one in header["recipients"]:
        if one["key"] == ours:
            break
    else:
        raise Refused("recipient")
    info = b"sekisho file key v1\0" + bytes([0, 1, 0, 1]) + header["sequence"].to_bytes(8, "big")
    info += ours + header["signer"] + header["site"].encode()
    file_key = unwrap(seed, one["encapsulated"], one["wrapped"], info)
    key = expand(mac(header["salt"], file_key), b"sekisho body key v1", 32)
    packed = body(sealed, key, sha256(raw_header))
    if mac(file_key, packed) != header["salt"]:
        raise Refused("decrypt")
    return {
        "id": sha256(data),
        "header": header,
        "manifest": manifest,
        "content": content(manifest, items(packed)),
    }


# What is told.


def plain(value):
    if isinstance(value, bytes):
        return "h'" + value.hex() + "'"
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def written(value):
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def key_bytes(line):
    return bytes.fromhex(line.strip().rpartition(":")[2])


def main():
    seed, site = key_bytes(sys.argv[1]), key_bytes(sys.argv[2])
    for path in sys.argv[3:]:
        with open(path, "rb") as file:
            data = file.read()
        try:
            told = decode(data, seed, site)
        except Refused as refused:
            told = {"refused": str(refused)}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            # A value of another type than the specification says, at whatever step.
            told = {"refused": "cbor"}
        print(written(told))


if __name__ == "__main__":
    main()
