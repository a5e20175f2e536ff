#include "values.h"

namespace laminar {

namespace {

// Reads exactly `count` digits.
bool digits(const Byte *&p, const Byte *end, int count, int &value) {
    if (end - p < count) return false;
    value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(p[i])) return false;
        value = value * 10 + (p[i] - '0');
    }
    p += count;
    return true;
}

bool literal(const Byte *&p, const Byte *end, Byte c) {
    if (p >= end || *p != c) return false;
    p++;
    return true;
}

// Days since the epoch of a day of the proleptic Gregorian calendar.
int64_t days_from_civil(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool date(const Byte *&p, const Byte *end, int64_t &days) {
    int year, month, day;
    if (!digits(p, end, 4, year) || !literal(p, end, '-') || !digits(p, end, 2, month) || !literal(p, end, '-') ||
        !digits(p, end, 2, day))
        return false;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && is_leap)) return false;
    days = days_from_civil(year, month, day);
    return true;
}

// HH:MM[:SS[.fraction]]; digits beyond the ninth are dropped, second 60 is the next minute's first.
bool time_of_day(const Byte *&p, const Byte *end, int64_t &nanoseconds) {
    int hour, minute, second = 0;
    if (!digits(p, end, 2, hour) || !literal(p, end, ':') || !digits(p, end, 2, minute)) return false;
    int64_t fraction = 0;
    if (literal(p, end, ':')) {
        if (!digits(p, end, 2, second)) return false;
        if (p < end && (*p == '.' || *p == ',')) {
            p++;
            if (p >= end || !is_digit(*p)) return false;
            int64_t unit = kNanosPerSecond / 10;
            for (; p < end && is_digit(*p); p++, unit /= 10) fraction += (*p - '0') * unit;
        }
    }
    if (hour > 23 || minute > 59 || second > 60) return false;
    nanoseconds = (hour * 3600ll + minute * 60ll + second) * kNanosPerSecond + fraction;
    return true;
}

// Z, ±HH, ±HHMM, ±HH:MM or nothing.
bool zone(const Byte *&p, const Byte *end, int64_t &seconds) {
    seconds = 0;
    if (p == end) return true;
    if (*p == 'Z' || *p == 'z') {
        p++;
        return true;
    }
    if (*p != '+' && *p != '-') return false;
    bool is_west = *p++ == '-';
    int hours, minutes = 0;
    if (!digits(p, end, 2, hours)) return false;
    if (p < end) {
        literal(p, end, ':');
        if (!digits(p, end, 2, minutes)) return false;
    }
    if (hours > 18 || minutes > 59) return false;
    seconds = hours * 3600ll + minutes * 60ll;
    if (is_west) seconds = -seconds;
    return true;
}

bool combine(int64_t days, int64_t of_day, int64_t &result) {
    int64_t start;
    return !__builtin_mul_overflow(days, kNanosPerDay, &start) && !__builtin_add_overflow(start, of_day, &result);
}

}  // namespace

bool read_timestamp(const Byte *p, size_t length, int64_t &nanoseconds) {
    const Byte *end = p + length;
    int64_t days, of_day = 0, offset = 0;
    if (!date(p, end, days)) return false;
    if (p < end) {
        if (*p != 'T' && *p != 't' && *p != ' ') return false;
        p++;
        if (!time_of_day(p, end, of_day)) return false;
        if (p < end && *p == ' ' && p + 1 < end) p++;
        if (!zone(p, end, offset)) return false;
    }
    return p == end && combine(days, of_day - offset * kNanosPerSecond, nanoseconds);
}

bool read_date(const Byte *p, size_t length, int32_t &days) {
    const Byte *end = p + length;
    int64_t value;
    if (!date(p, end, value) || p != end) return false;
    days = static_cast<int32_t>(value);
    return true;
}

bool read_time(const Byte *p, size_t length, int64_t &nanoseconds) {
    const Byte *end = p + length;
    return time_of_day(p, end, nanoseconds) && p == end && nanoseconds < kNanosPerDay;
}

size_t read_common_timestamp(const Byte *p, DateCache &cache, int64_t &nanoseconds) {
    uint64_t first = load64(p);
    uint32_t rest = load32(p + 8) & 0xffffff;
    DateCache::Entry &entry = cache.entries[(p[8] & 3) << 4 | (p[9] & 15)];
    if (first != entry.first || rest != entry.rest) {
        const Byte *q = p;
        int64_t days;
        if (!date(q, p + 10, days) || p[10] != 'T') return 0;
        int64_t start;
        // The last day of the range does not take this way.
        if (__builtin_mul_overflow(days, kNanosPerDay, &start) || start > INT64_MAX - 2 * kNanosPerDay) return 0;
        entry.first = first;
        entry.rest = rest;
        entry.start = start;
    }
    // HH:MM:SS in one word: digits become 0...9, colons 0.
    uint64_t x = load64(p + 11) ^ 0x30303a30303a3030ull;
    if (((x + 0x7676767676767676ull) | x) & 0x8080808080808080ull || x & 0x0000ff0000ff0000ull) return 0;
    unsigned hour = (x & 0xff) * 10 + ((x >> 8) & 0xff), minute = ((x >> 24) & 0xff) * 10 + ((x >> 32) & 0xff),
             second = ((x >> 48) & 0xff) * 10 + (x >> 56);
    if (hour > 23 || minute > 59 || second > 59) return 0;
    nanoseconds = entry.start + (hour * 3600 + minute * 60 + second) * kNanosPerSecond;
    return 19;
}

}  // namespace laminar
