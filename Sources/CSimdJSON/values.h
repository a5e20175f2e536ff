// Reading single values from text that is followed by zeros or by other text. Each gives the place after the value,
// or null with `fault` set.
#pragma once
#include "scan.h"

namespace laminar {

using Int128 = __int128;
using UInt128 = unsigned __int128;

// An integer in JSON's number form; a fraction or exponent is fine if the value is whole. Fits the bounds or fails.
const Byte *read_long_integer(
    const Byte *p, const Byte *end, int64_t low, int64_t high, int64_t &value, Fault &fault);

// One to eight digits as a number, all at once.
inline uint64_t up_to_eight_digits(const Byte *p, unsigned count) {
    uint64_t digits = (load64(p) - 0x3030303030303030ull) << (64 - 8 * count);
    digits = digits * 10 + (digits >> 8);
    return (((digits & 0x000000ff000000ffull) * 0x000f424000000064ull) +
            (((digits >> 16) & 0x000000ff000000ffull) * 0x0000271000000001ull)) >>
           32;
}

inline const Byte *read_integer(
    const Byte *p, const Byte *end, int64_t low, int64_t high, int64_t &value, Fault &fault) {
    const Byte *digits = p + (*p == '-');
    unsigned count = count_digits(digits);
    const Byte *after = digits + count;
    // A fraction, an exponent, a leading zero or many digits take the careful way.
    if (__builtin_expect(
            count == 0 || count > 8 || *after == '.' || (*after | 0x20) == 'e' || (*digits == '0' && count > 1), 0))
        return read_long_integer(p, end, low, high, value, fault);
    int64_t magnitude = static_cast<int64_t>(up_to_eight_digits(digits, count));
    int64_t signed_value = *p == '-' ? -magnitude : magnitude;
    if (__builtin_expect(signed_value < low || signed_value > high, 0)) return fail(fault, p, kOutOfRange);
    value = signed_value;
    return after;
}

const Byte *read_unsigned(const Byte *p, const Byte *end, uint64_t high, uint64_t &value, Fault &fault);
const Byte *read_double(const Byte *p, const Byte *end, double &value, Fault &fault);
const Byte *read_float(const Byte *p, const Byte *end, float &value, Fault &fault);
// Rounds half away from zero to `scale` digits after the point.
const Byte *read_decimal(const Byte *p, const Byte *end, int precision, int scale, Int128 &value, Fault &fault);

// The whole of a text; false when it is something else or out of range.
bool read_timestamp(const Byte *p, size_t length, int64_t &nanoseconds);
bool read_date(const Byte *p, size_t length, int32_t &days);
bool read_time(const Byte *p, size_t length, int64_t &nanoseconds);

// Gives the number of bytes written, or -1.
int64_t read_base64(const Byte *p, size_t length, Byte *output);
// A decimal's unscaled value from base64 of its bytes, big-endian in two's complement; false when it is something else
// or has more digits than `precision`.
bool read_unscaled(const Byte *p, size_t length, int precision, Int128 &value, Fault &fault);
// Undoes the escapes of a checked string's inside; gives the number of bytes written, or -1 for a lone surrogate.
int64_t unescape(const Byte *p, const Byte *end, Byte *output);

// The dates of the last timestamps read, as they mostly repeat; a place for each day of the month.
struct DateCache {
    struct Entry {
        uint64_t first = 0;
        uint32_t rest = 0;
        int64_t start = 0;
    } entries[64];
};

constexpr int64_t kNanosPerSecond = 1000000000;
constexpr int64_t kNanosPerDay = 86400 * kNanosPerSecond;

// The commonest form, YYYY-MM-DDTHH:MM:SS followed by Z or a quote, of a text with 24 readable bytes.
// Gives 0 when the text is anything else; else its length up to the seconds, 19.
size_t read_common_timestamp(const Byte *p, DateCache &cache, int64_t &nanoseconds);

}  // namespace laminar
