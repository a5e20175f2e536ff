// Moving over JSON text. Every function relies on the text being followed by zeros, which end every token.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace laminar {

using Byte = uint8_t;

inline uint64_t load64(const Byte *p) { uint64_t v; memcpy(&v, p, 8); return v; }
inline uint32_t load32(const Byte *p) { uint32_t v; memcpy(&v, p, 4); return v; }

// The first quote, backslash or control character at or after p.
inline const Byte *find_string_stop(const Byte *p) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    for (;;) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
        __m128i hit = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
            _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        int mask = _mm_movemask_epi8(hit);
        if (mask) return p + __builtin_ctz(static_cast<unsigned>(mask));
        p += 16;
    }
#else
    while (*p != '"' && *p != '\\' && *p >= 0x20) p++;
    return p;
#endif
}

// Line ends are no white space here: a record is one line.
inline const Byte *skip_space(const Byte *p) {
    while (*p == ' ' || *p == '\t' || *p == '\r') p++;
    return p;
}

inline bool is_digit(Byte c) { return static_cast<Byte>(c - '0') <= 9; }

// The scanners below give where they ended, or null with `fault` set where and why not.
struct Fault {
    const Byte *at = nullptr;
    int32_t reason = 0;
    int32_t field = -1;
    int32_t found = 0;
};

constexpr int32_t kMalformed = 1, kTruncated = 2, kWrongType = 3, kOutOfRange = 4, kBadUTF8 = 5, kBadEscape = 6,
                  kMissing = 7, kTooDeep = 8, kNotARecord = 9, kBadText = 10, kTrailing = 11, kTooLarge = 12;

__attribute__((noinline, cold)) inline const Byte *fail(Fault &fault, const Byte *at, int32_t reason) {
    fault.at = at;
    fault.reason = reason;
    return nullptr;
}

// Something that cannot be there: the end of the line or a wrong character.
__attribute__((noinline, cold)) inline const Byte *unexpected(Fault &fault, const Byte *at, const Byte *end) {
    return fail(fault, at, at >= end || *at == '\n' || *at == '\r' ? kTruncated : kMalformed);
}

inline bool is_hex(Byte c) { return is_digit(c) || (static_cast<Byte>((c | 0x20) - 'a') <= 5); }

// p is after the opening quote; gives the place after the closing one. `has_escape` is set, never cleared.
inline const Byte *skip_string(const Byte *p, const Byte *end, bool &has_escape, Fault &fault) {
    for (;;) {
        p = find_string_stop(p);
        if (*p == '"') return p + 1;
        if (*p != '\\') return unexpected(fault, p, end);
        has_escape = true;
        switch (p[1]) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            p += 2;
            break;
        case 'u':
            for (int i = 2; i < 6; i++)
                if (!is_hex(p[i])) return fail(fault, p, p + i >= end || p[i] == '\n' ? kTruncated : kBadEscape);
            p += 6;
            break;
        default:
            return fail(fault, p, p + 1 >= end || p[1] == '\n' ? kTruncated : kBadEscape);
        }
    }
}

// How many digits there are at p, up to sixteen.
inline unsigned count_digits(const Byte *p) {
#if defined(__SSE2__)
    __m128i v = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)), _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
    return static_cast<unsigned>(__builtin_ctz(~static_cast<unsigned>(_mm_movemask_epi8(is_digit))));
#else
    unsigned count = 0;
    while (count < 16 && is_digit(p[count])) count++;
    return count;
#endif
}

inline const Byte *skip_number(const Byte *p, const Byte *end, Fault &fault) {
    // Whole numbers, without a loop whose length cannot be foreseen.
    const Byte *after = p + (*p == '-');
    unsigned count = count_digits(after);
    if (__builtin_expect(count > 0 && count < 16 && (*after != '0' || count == 1), 1)) {
        after += count;
        if (__builtin_expect(*after == ',' || *after == '}', 1)) return after;
    }
    if (*p == '-') p++;
    if (*p == '0') {
        p++;
    } else {
        if (!is_digit(*p)) return unexpected(fault, p, end);
        do p++; while (is_digit(*p));
    }
    if (*p == '.') {
        p++;
        if (!is_digit(*p)) return unexpected(fault, p, end);
        do p++; while (is_digit(*p));
    }
    if ((*p | 0x20) == 'e') {
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!is_digit(*p)) return unexpected(fault, p, end);
        do p++; while (is_digit(*p));
    }
    return p;
}

inline bool is_null(const Byte *p) { return load32(p) == 0x6c6c756e; }
inline bool is_true(const Byte *p) { return load32(p) == 0x65757274; }
inline bool is_false(const Byte *p) { return load32(p) == 0x736c6166 && p[4] == 'e'; }

const Byte *skip_container(const Byte *p, const Byte *end, int depth, Fault &fault);

// p is at the first character of a value, `depth` the number of levels that may still be opened.
inline const Byte *skip_value(const Byte *p, const Byte *end, int depth, Fault &fault) {
    bool has_escape = false;
    if (is_digit(*p) || *p == '-') return skip_number(p, end, fault);
    switch (*p) {
    case '"': return skip_string(p + 1, end, has_escape, fault);
    case 'n': if (is_null(p)) return p + 4; break;
    case 't': if (is_true(p)) return p + 4; break;
    case 'f': if (is_false(p)) return p + 5; break;
    case '{': case '[': return skip_container(p, end, depth, fault);
    default: break;
    }
    return unexpected(fault, p, end);
}

}  // namespace laminar
