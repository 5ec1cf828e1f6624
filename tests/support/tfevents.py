"""Event files of TensorBoard, read without it: framing, checksums and the few messages that Isoform writes.

Shares nothing with the writer. Whatever it does not know it refuses, so that a new field is noticed."""
import struct


def crc32c(data):
    """Castagnoli's polynomial, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, check = struct.unpack_from("<QI", data, at)
        if check != masked(data[at:at + 8]):
            raise ValueError(f"byte {at}: the checksum of the length is wrong")
        message = data[at + 12:at + 12 + length]
        (check,) = struct.unpack_from("<I", data, at + 12 + length)
        if len(message) != length or check != masked(message):
            raise ValueError(f"byte {at}: the checksum of the message is wrong")
        yield message
        at += 16 + length


def fields(message):
    """(number, value) of each field; bytes where the type is a length and bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
        elif kind == 1:
            yield number, struct.unpack_from("<d", message, at)[0]
            at += 8
        elif kind == 2:
            length = varint()
            if at + length > len(message):
                raise ValueError("a field is longer than its message")
            yield number, message[at:at + length]
            at += length
        elif kind == 5:
            yield number, struct.unpack_from("<f", message, at)[0]
            at += 4
        else:
            raise ValueError(f"type {kind} of a field is unknown")


def doubles(data):
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def value_of(message):
    tag = value = None
    for number, content in fields(message):
        if number == 1:
            tag = content.decode("utf-8", "strict")
        elif number == 2:
            value = content
        elif number == 5:
            names = {1: "min", 2: "max", 3: "num", 4: "sum", 5: "sum_squares", 6: "bucket_limit", 7: "bucket"}
            value = {names[n]: doubles(c) if n > 5 else c for n, c in fields(content)}
        else:
            raise ValueError(f"field {number} of a value is unknown")
    return tag, value


def read(path):
    """[(wall time, step, {tag: number or histogram})]; the first is (wall time, 0, version)."""
    events = []
    for message in records(path.read_bytes()):
        time, step, content = None, 0, None
        for number, value in fields(message):
            if number == 1:
                time = value
            elif number == 2:
                step = value
            elif number == 3:
                content = value.decode()
            elif number == 5:
                pairs = []
                for inner, data in fields(value):
                    if inner != 1:
                        raise ValueError(f"field {inner} of a summary is unknown")
                    pairs.append(value_of(data))
                content = dict(pairs)
                if len(content) != len(pairs):
                    raise ValueError("a tag stands twice in one event")
            else:
                raise ValueError(f"field {number} of an event is unknown")
        events.append((time, step, content))
    return events
