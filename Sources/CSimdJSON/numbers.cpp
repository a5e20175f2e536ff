#include <charconv>
#include <cmath>
#include <cstdlib>

#include "values.h"

namespace laminar {

namespace {

// The parts of a number: sign, digits without the point, and the power of ten they are to be multiplied by.
struct Parts {
    bool is_negative = false;
    const Byte *digits = nullptr;  // first digit of the whole part
    const Byte *digits_end = nullptr;
    const Byte *fraction = nullptr;
    const Byte *fraction_end = nullptr;
    int64_t exponent = 0;
};

const Byte *read_parts(const Byte *p, const Byte *end, Parts &parts, Fault &fault) {
    const Byte *stop = skip_number(p, end, fault);
    if (!stop) return nullptr;
    parts.is_negative = *p == '-';
    if (parts.is_negative) p++;
    parts.digits = p;
    while (p < stop && is_digit(*p)) p++;
    parts.digits_end = parts.fraction = parts.fraction_end = p;
    if (p < stop && *p == '.') {
        parts.fraction = ++p;
        while (p < stop && is_digit(*p)) p++;
        parts.fraction_end = p;
    }
    if (p < stop) {
        p++;
        bool is_negative = *p == '-';
        if (*p == '-' || *p == '+') p++;
        while (p < stop) {
            // Beyond this everything is zero or out of range anyway.
            if (parts.exponent < 100000000) parts.exponent = parts.exponent * 10 + (*p - '0');
            p++;
        }
        if (is_negative) parts.exponent = -parts.exponent;
    }
    return stop;
}

constexpr UInt128 kHuge = ~static_cast<UInt128>(0);

enum class Rounding { exact, half_away };

// digits * 10^shift as an integer below 10^39; false when it does not fit or, for `exact`, is not whole.
bool scaled(const Parts &parts, int64_t shift, Rounding rounding, UInt128 &result, bool &is_whole) {
    is_whole = true;
    UInt128 value = 0;
    int64_t power = parts.exponent + shift;
    int64_t whole = parts.digits_end - parts.digits, fraction = parts.fraction_end - parts.fraction;
    // How many of the digits stay before the (moved) point.
    int64_t keep = whole + power;
    const UInt128 limit = kHuge / 10 - 1;
    int64_t total = whole + fraction;
    bool rounds_up = false;
    for (int64_t i = 0; i < total; i++) {
        unsigned digit = static_cast<unsigned>((i < whole ? parts.digits[i] : parts.fraction[i - whole]) - '0');
        if (i < keep) {
            if (value > limit) return false;
            value = value * 10 + digit;
        } else {
            if (i == keep && digit >= 5) rounds_up = true;
            if (digit) is_whole = false;
        }
    }
    if (value != 0)
        for (int64_t i = total; i < keep; i++) {
            if (value > limit) return false;
            value *= 10;
        }
    if (rounding == Rounding::half_away && rounds_up && keep >= 0) value++;
    result = value;
    return true;
}

__attribute__((noinline)) const Byte *read_any_integer(
    const Byte *p, const Byte *end, UInt128 magnitude_low, UInt128 high, bool &is_negative, uint64_t &magnitude,
    Fault &fault) {
    Parts parts;
    const Byte *stop = read_parts(p, end, parts, fault);
    if (!stop) return nullptr;
    UInt128 value = 0;
    bool is_whole = true;
    if (!scaled(parts, 0, Rounding::exact, value, is_whole)) return fail(fault, p, kOutOfRange);
    if (!is_whole) return fail(fault, p, kWrongType);
    if (value > (parts.is_negative ? magnitude_low : high)) return fail(fault, p, kOutOfRange);
    is_negative = parts.is_negative;
    magnitude = static_cast<uint64_t>(value);
    return stop;
}

const double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                          1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

template <typename Real> Real read_slowly(const Byte *p);
template <> double read_slowly<double>(const Byte *p) { return strtod(reinterpret_cast<const char *>(p), nullptr); }
template <> float read_slowly<float>(const Byte *p) { return strtof(reinterpret_cast<const char *>(p), nullptr); }

template <typename Real> const Byte *read_real(const Byte *p, const Byte *end, Real &value, Fault &fault) {
    const Byte *stop = skip_number(p, end, fault);
    if (!stop) return nullptr;
    auto *first = reinterpret_cast<const char *>(p), *last = reinterpret_cast<const char *>(stop);
    auto result = std::from_chars(first, last, value);
    if (result.ec == std::errc::result_out_of_range) {
        // Either infinite or so small that it is zero; only the first is an error.
        value = read_slowly<Real>(p);
        if (std::isinf(value)) return fail(fault, p, kOutOfRange);
    } else if (result.ec != std::errc()) {
        return fail(fault, p, kMalformed);
    }
    return stop;
}

}  // namespace

const Byte *read_long_integer(
    const Byte *p, const Byte *end, int64_t low, int64_t high, int64_t &value, Fault &fault) {
    const Byte *start = p;
    bool is_negative = *p == '-';
    if (is_negative) p++;
    const Byte *digits = p;
    uint64_t magnitude = 0;
    while (is_digit(*p)) magnitude = magnitude * 10 + (*p++ - '0');
    ptrdiff_t count = p - digits;
    // Eighteen digits cannot overflow; leading zeros, fractions and exponents take the careful way.
    bool is_unusual = count > 18 || count == 0 || *p == '.' || (*p | 0x20) == 'e' || (*digits == '0' && count > 1);
    if (__builtin_expect(is_unusual, 0)) {
        UInt128 lowest = static_cast<UInt128>(-(static_cast<Int128>(low)));
        const Byte *stop =
            read_any_integer(start, end, lowest, static_cast<UInt128>(high), is_negative, magnitude, fault);
        if (!stop) return nullptr;
        value = is_negative ? static_cast<int64_t>(0 - magnitude) : static_cast<int64_t>(magnitude);
        return stop;
    }
    int64_t signed_value = is_negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
    if (signed_value < low || signed_value > high) return fail(fault, start, kOutOfRange);
    value = signed_value;
    return p;
}

const Byte *read_unsigned(const Byte *p, const Byte *end, uint64_t high, uint64_t &value, Fault &fault) {
    bool is_negative = false;
    return read_any_integer(p, end, 0, high, is_negative, value, fault);
}

const Byte *read_double(const Byte *p, const Byte *end, double &value, Fault &fault) {
    // Few digits and a small power of ten: the product of two exact numbers is rounded once, so correctly.
    const Byte *start = p;
    bool is_negative = *p == '-';
    if (is_negative) p++;
    const Byte *digits = p;
    uint64_t mantissa = 0;
    while (is_digit(*p)) mantissa = mantissa * 10 + (*p++ - '0');
    ptrdiff_t whole = p - digits, fraction = 0;
    if (whole > 0 && !(*digits == '0' && whole > 1)) {
        if (*p == '.' && is_digit(p[1])) {
            const Byte *first = ++p;
            while (is_digit(*p)) mantissa = mantissa * 10 + (*p++ - '0');
            fraction = p - first;
        }
        if ((*p | 0x20) != 'e' && *p != '.' && whole + fraction <= 18 && mantissa < (1ull << 53)) {
            double magnitude = static_cast<double>(mantissa) / kPowers[fraction];
            value = is_negative ? -magnitude : magnitude;
            return p;
        }
    }
    return read_real(start, end, value, fault);
}

const Byte *read_float(const Byte *p, const Byte *end, float &value, Fault &fault) {
    return read_real(p, end, value, fault);
}

const Byte *read_decimal(const Byte *p, const Byte *end, int precision, int scale, Int128 &value, Fault &fault) {
    Parts parts;
    const Byte *stop = read_parts(p, end, parts, fault);
    if (!stop) return nullptr;
    UInt128 magnitude = 0;
    bool is_whole = true;
    if (!scaled(parts, scale, Rounding::half_away, magnitude, is_whole)) return fail(fault, p, kOutOfRange);
    UInt128 bound = 1;
    for (int i = 0; i < precision; i++) bound *= 10;
    if (magnitude >= bound) return fail(fault, p, kOutOfRange);
    value = parts.is_negative ? -static_cast<Int128>(magnitude) : static_cast<Int128>(magnitude);
    return stop;
}

}  // namespace laminar
