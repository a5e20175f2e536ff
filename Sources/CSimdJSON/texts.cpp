#include "values.h"

namespace laminar {

namespace {

unsigned hex4(const Byte *p) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        Byte c = p[i];
        value = value << 4 | (is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

Byte *put_utf8(Byte *output, unsigned code) {
    if (code < 0x80) {
        *output++ = static_cast<Byte>(code);
    } else if (code < 0x800) {
        *output++ = static_cast<Byte>(0xc0 | code >> 6);
        *output++ = static_cast<Byte>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *output++ = static_cast<Byte>(0xe0 | code >> 12);
        *output++ = static_cast<Byte>(0x80 | ((code >> 6) & 0x3f));
        *output++ = static_cast<Byte>(0x80 | (code & 0x3f));
    } else {
        *output++ = static_cast<Byte>(0xf0 | code >> 18);
        *output++ = static_cast<Byte>(0x80 | ((code >> 12) & 0x3f));
        *output++ = static_cast<Byte>(0x80 | ((code >> 6) & 0x3f));
        *output++ = static_cast<Byte>(0x80 | (code & 0x3f));
    }
    return output;
}

int base64_value(Byte c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

}  // namespace

int64_t unescape(const Byte *p, const Byte *end, Byte *output) {
    Byte *start = output;
    while (p < end) {
        if (*p != '\\') {
            *output++ = *p++;
            continue;
        }
        Byte c = p[1];
        p += 2;
        switch (c) {
        case 'b': *output++ = '\b'; break;
        case 'f': *output++ = '\f'; break;
        case 'n': *output++ = '\n'; break;
        case 'r': *output++ = '\r'; break;
        case 't': *output++ = '\t'; break;
        case 'u': {
            unsigned code = hex4(p);
            p += 4;
            if (code >= 0xdc00 && code <= 0xdfff) return -1;
            if (code >= 0xd800 && code <= 0xdbff) {
                if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
                unsigned low = hex4(p + 2);
                if (low < 0xdc00 || low > 0xdfff) return -1;
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
            output = put_utf8(output, code);
            break;
        }
        default: *output++ = c; break;
        }
    }
    return output - start;
}

int64_t read_base64(const Byte *p, size_t length, Byte *output) {
    while (length > 0 && p[length - 1] == '=' && length % 4 != 1) length--;
    if (length % 4 == 1) return -1;
    Byte *start = output;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(p[i]);
        if (value < 0) return -1;
        bits = bits << 6 | static_cast<uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *output++ = static_cast<Byte>(bits >> held);
        }
    }
    // Bits that make no whole byte must be zero, so that each byte sequence has one text.
    if (bits & ((1u << held) - 1)) return -1;
    return output - start;
}

bool read_unscaled(const Byte *p, size_t length, int precision, Int128 &value, Fault &fault) {
    fault.reason = kBadText;
    // Sixteen bytes are enough, and some more that only repeat the sign.
    Byte bytes[48];
    if (length > 64) return fail(fault, p, kOutOfRange), false;
    int64_t count = read_base64(p, length, bytes);
    if (count <= 0) return false;
    Byte sign = bytes[0] & 0x80 ? 0xFF : 0;
    int64_t first = count > 16 ? count - 16 : 0;
    for (int64_t i = 0; i < first; i++)
        if (bytes[i] != sign) return fail(fault, p, kOutOfRange), false;
    if (first > 0 && (bytes[first] & 0x80) != (sign & 0x80)) return fail(fault, p, kOutOfRange), false;
    UInt128 bits = sign ? ~static_cast<UInt128>(0) : 0;
    for (int64_t i = first; i < count; i++) bits = bits << 8 | bytes[i];
    UInt128 magnitude = sign ? ~bits + 1 : bits;
    UInt128 bound = 1;
    for (int i = 0; i < precision; i++) bound *= 10;
    if (magnitude >= bound) return fail(fault, p, kOutOfRange), false;
    value = static_cast<Int128>(bits);
    return true;
}

}  // namespace laminar
