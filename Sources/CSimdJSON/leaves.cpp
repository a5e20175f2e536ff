// Values that hold no other values.
#include <cmath>
#include <simdjson.h>

#include "decoder.h"

using namespace laminar;

namespace {

struct Range {
    int64_t low, high;
};

inline Range range_of(int32_t kind) {
    switch (kind) {
    case LAMINAR_JSON_INT8: return {INT8_MIN, INT8_MAX};
    case LAMINAR_JSON_INT16: return {INT16_MIN, INT16_MAX};
    case LAMINAR_JSON_INT32: case LAMINAR_JSON_DATE: return {INT32_MIN, INT32_MAX};
    case LAMINAR_JSON_UINT8: return {0, UINT8_MAX};
    case LAMINAR_JSON_UINT16: return {0, UINT16_MAX};
    case LAMINAR_JSON_UINT32: return {0, UINT32_MAX};
    default: return {INT64_MIN, INT64_MAX};
    }
}

bool refuse(Fault &fault, const Column &column, const Byte *at, int32_t reason, int32_t found) {
    fault.field = column.id;
    fault.found = found;
    fail(fault, at, reason);
    return false;
}

}  // namespace

// p is at a digit or minus.
const Byte *laminar_json_decoder::number(
    Column &column, uint32_t row, const Byte *p, const Byte *end, Fault &fault) {
    const Byte *start = p;
    int64_t integer = 0;
    fault.reason = 0;
    switch (column.kind) {
    case LAMINAR_JSON_INT64:
        if ((p = read_integer(p, end, INT64_MIN, INT64_MAX, integer, fault))) column.set<int64_t>(row, integer);
        break;
    case LAMINAR_JSON_INT32: case LAMINAR_JSON_DATE:
        if ((p = read_integer(p, end, INT32_MIN, INT32_MAX, integer, fault)))
            column.set<int32_t>(row, static_cast<int32_t>(integer));
        break;
    case LAMINAR_JSON_INT8: case LAMINAR_JSON_INT16: case LAMINAR_JSON_UINT8: case LAMINAR_JSON_UINT16:
    case LAMINAR_JSON_UINT32: {
        Range range = range_of(column.kind);
        p = read_integer(p, end, range.low, range.high, integer, fault);
        if (!p) break;
        if (column.width == 1) column.set<uint8_t>(row, static_cast<uint8_t>(integer));
        else if (column.width == 2) column.set<uint16_t>(row, static_cast<uint16_t>(integer));
        else column.set<uint32_t>(row, static_cast<uint32_t>(integer));
        break;
    }
    case LAMINAR_JSON_UINT64: {
        uint64_t value = 0;
        if ((p = read_unsigned(p, end, UINT64_MAX, value, fault))) column.set<uint64_t>(row, value);
        break;
    }
    case LAMINAR_JSON_FLOAT64: {
        double value = 0;
        if ((p = read_double(p, end, value, fault))) column.set<double>(row, value);
        break;
    }
    case LAMINAR_JSON_FLOAT32: {
        float value = 0;
        if ((p = read_float(p, end, value, fault))) column.set<float>(row, value);
        break;
    }
    case LAMINAR_JSON_DECIMAL: {
        Int128 value = 0;
        if ((p = read_decimal(p, end, column.precision, column.scale, value, fault))) column.set<Int128>(row, value);
        break;
    }
    case LAMINAR_JSON_TIMESTAMP: {
        p = read_integer(p, end, INT64_MIN, INT64_MAX, integer, fault);
        if (!p) break;
        if (__builtin_mul_overflow(integer, options.timestamp_unit, &integer)) p = fail(fault, start, kOutOfRange);
        else column.set<int64_t>(row, integer);
        break;
    }
    default:
        p = skip_number(p, end, fault);
        if (p) p = fail(fault, start, kWrongType);
        break;
    }
    if (!p) {
        fault.field = column.id;
        fault.found = LAMINAR_JSON_FOUND_NUMBER;
    }
    return p;
}

// p is at the opening quote.
const Byte *laminar_json_decoder::string(
    Column &column, uint32_t row, const Byte *p, const Byte *end, Fault &fault) {
    p++;
    if (column.kind == LAMINAR_JSON_STRING && is_block_utf8) {
        const Byte *stop = find_string_stop(p);
        if (__builtin_expect(*stop == '"', 1))
            return stored(column, row, p, static_cast<size_t>(stop - p), p, fault) ? stop + 1 : nullptr;
    } else if (column.kind == LAMINAR_JSON_TIMESTAMP) {
        int64_t nanoseconds;
        if (read_common_timestamp(p, dates, nanoseconds)) {
            const Byte *q = p + 19;
            // The fraction as most writers have it: three digits.
            if (*q == '.' && is_digit(q[1]) && is_digit(q[2]) && is_digit(q[3]) && !is_digit(q[4])) {
                nanoseconds += ((q[1] - '0') * 100 + (q[2] - '0') * 10 + (q[3] - '0')) * 1000000ll;
                q += 4;
            }
            if (*q == 'Z') q++;
            if (*q == '"') {
                column.set<int64_t>(row, nanoseconds);
                return q + 1;
            }
        }
    }
    bool has_escape = false;
    const Byte *after = skip_string(p, end, has_escape, fault);
    if (!after) {
        fault.field = column.id;
        return nullptr;
    }
    return string_content(column, row, p, after - 1, has_escape, fault) ? after : nullptr;
}

bool laminar_json_decoder::string_content(
    Column &column, uint32_t row, const Byte *p, const Byte *close, bool has_escape, Fault &fault) {
    size_t size = static_cast<size_t>(close - p);
    if (!has_escape) {
        if (!is_block_utf8 && !simdjson::validate_utf8(reinterpret_cast<const char *>(p), size))
            return refuse(fault, column, p, kBadUTF8, LAMINAR_JSON_FOUND_STRING);
        if (text(column, row, p, size, p, fault)) return true;
    } else {
        scratch.resize(size + 64);
        int64_t written = unescape(p, close, scratch.data());
        if (written < 0) return refuse(fault, column, p, kBadEscape, LAMINAR_JSON_FOUND_STRING);
        if (!is_block_utf8 &&
            !simdjson::validate_utf8(reinterpret_cast<const char *>(scratch.data()), static_cast<size_t>(written)))
            return refuse(fault, column, p, kBadUTF8, LAMINAR_JSON_FOUND_STRING);
        memset(scratch.data() + written, 0, 32);
        if (text(column, row, scratch.data(), static_cast<size_t>(written), nullptr, fault)) return true;
    }
    return refuse(fault, column, p, fault.reason, LAMINAR_JSON_FOUND_STRING);
}

// Sixteen bytes from p on are readable. A text that lies in the block is referred to, others are copied.
bool laminar_json_decoder::stored(
    Column &column, uint32_t row, const Byte *p, size_t size, const Byte *view, Fault &fault) {
    if (size <= 12) {
        column.set_inline(row, p, static_cast<uint32_t>(size));
        return true;
    }
    if (view && size < INT32_MAX && static_cast<size_t>(view - block) < INT32_MAX) {
        column.refers_to_blocks = true;
        column.set_reference(
            row, p, static_cast<uint32_t>(size), block_number, static_cast<size_t>(view - block));
        return true;
    }
    if (column.arena_used + size >= INT32_MAX) {
        fail(fault, p, kTooLarge);
        return false;
    }
    Byte *target = column.reserve(size);
    memcpy(target, p, size);
    column.set_reference(row, target, static_cast<uint32_t>(size), 0, column.arena_used);
    column.arena_used += size;
    return true;
}

bool laminar_json_decoder::text(
    Column &column, uint32_t row, const Byte *p, size_t size, const Byte *view, Fault &fault) {
    fault.reason = kBadText;
    fault.at = p;
    int64_t nanoseconds;
    switch (column.kind) {
    case LAMINAR_JSON_STRING: return stored(column, row, p, size, view, fault);
    case LAMINAR_JSON_RAW: {
        // A cell that holds a document.
        const Byte *after = skip_value(skip_space(p), p + size, options.nesting_limit, fault);
        if (!after || skip_space(after) != p + size) {
            fail(fault, p, kBadText);
            return false;
        }
        return stored(column, row, p, size, view, fault);
    }
    case LAMINAR_JSON_BOOL:
        if ((size == 4 && is_true(p)) || (size == 1 && *p == 't')) column.set_bool(row, true);
        else if ((size == 5 && is_false(p)) || (size == 1 && *p == 'f')) column.set_bool(row, false);
        else return false;
        return true;
    case LAMINAR_JSON_TIMESTAMP:
        if (read_timestamp(p, size, nanoseconds)) {
            column.set<int64_t>(row, nanoseconds);
            return true;
        }
        // A year alone must not pass for a number of nanoseconds.
        if (options.timestamp_unit == 1) return false;
        break;
    case LAMINAR_JSON_TIME:
        if (!read_time(p, size, nanoseconds)) return false;
        column.set<int64_t>(row, nanoseconds);
        return true;
    case LAMINAR_JSON_DATE: {
        int32_t days;
        if (!read_date(p, size, days)) return false;
        column.set<int32_t>(row, days);
        return true;
    }
    case LAMINAR_JSON_BINARY: {
        if (column.arena_used + size >= INT32_MAX) {
            fail(fault, p, kTooLarge);
            return false;
        }
        Byte *target = column.reserve(size + 16);
        int64_t written = read_base64(p, size, target);
        if (written < 0) return false;
        if (written <= 12) {
            memset(target + written, 0, 16);
            column.set_inline(row, target, static_cast<uint32_t>(written));
        } else {
            column.set_reference(row, target, static_cast<uint32_t>(written), 0, column.arena_used);
            column.arena_used += static_cast<size_t>(written);
        }
        return true;
    }
    case LAMINAR_JSON_DECIMAL: {
        if (!options.decimals_are_bytes) break;
        Int128 value = 0;
        if (!read_unscaled(p, size, column.precision, value, fault)) return false;
        column.set<Int128>(row, value);
        return true;
    }
    case LAMINAR_JSON_FLOAT32: case LAMINAR_JSON_FLOAT64: {
        static const struct { const char *name; double value; } names[] = {
            {"NaN", NAN}, {"nan", NAN}, {"Infinity", INFINITY}, {"inf", INFINITY}, {"-Infinity", -INFINITY},
            {"-inf", -INFINITY}};
        for (auto &entry : names)
            if (size == strlen(entry.name) && memcmp(p, entry.name, size) == 0) {
                if (column.kind == LAMINAR_JSON_FLOAT64) column.set<double>(row, entry.value);
                else column.set<float>(row, static_cast<float>(entry.value));
                return true;
            }
        break;
    }
    default: break;
    }
    // What is left are the numbers, in JSON's own form.
    if (size == 0 || !(is_digit(*p) || *p == '-') || column.kind >= LAMINAR_JSON_STRUCT) return false;
    // The digits must not run on into what follows the text.
    char small[64];
    std::string large;
    const Byte *copy;
    if (size < sizeof small) {
        memcpy(small, p, size);
        small[size] = 0;
        copy = reinterpret_cast<const Byte *>(small);
    } else {
        large.assign(reinterpret_cast<const char *>(p), size);
        copy = reinterpret_cast<const Byte *>(large.c_str());
    }
    const Byte *after = number(column, row, copy, copy + size, fault);
    if (after == copy + size) return true;
    if (after || fault.reason == kMalformed || fault.reason == kTruncated) fault.reason = kBadText;
    fault.at = p;
    return false;
}
