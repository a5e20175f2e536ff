#include "decoder.h"

#include <simdjson.h>

using namespace laminar;

namespace {

int32_t found_at(const Byte *p) {
    switch (*p) {
    case '{': return LAMINAR_JSON_FOUND_OBJECT;
    case '[': return LAMINAR_JSON_FOUND_ARRAY;
    case '"': return LAMINAR_JSON_FOUND_STRING;
    case 't': case 'f': return LAMINAR_JSON_FOUND_BOOLEAN;
    case 'n': return LAMINAR_JSON_FOUND_NULL;
    default: return is_digit(*p) || *p == '-' ? LAMINAR_JSON_FOUND_NUMBER : LAMINAR_JSON_FOUND_OTHER;
    }
}

__attribute__((noinline, cold)) const Byte *blame(
    Fault &fault, const Column &column, const Byte *at, int32_t reason, int32_t found) {
    fault.field = column.id;
    fault.found = found;
    return fail(fault, at, reason);
}

// A value of another type than the column's, or no value at all.
__attribute__((noinline, cold)) const Byte *wrong_type(
    Fault &fault, const Column &column, const Byte *at, const Byte *end, int depth) {
    // What is not even JSON is called that.
    if (!skip_value(at, end, depth, fault)) {
        fault.field = column.id;
        return nullptr;
    }
    return blame(fault, column, at, kWrongType, found_at(at));
}

inline bool matches(const PredictedKey &key, const Byte *p) {
#if defined(__SSE2__)
    __m128i low = _mm_cmpeq_epi8(
        _mm_loadu_si128(reinterpret_cast<const __m128i *>(p)),
        _mm_load_si128(reinterpret_cast<const __m128i *>(key.text)));
    uint32_t equal = static_cast<uint32_t>(_mm_movemask_epi8(low));
    if (key.length > 16) {
        __m128i high = _mm_cmpeq_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i *>(p + 16)),
            _mm_load_si128(reinterpret_cast<const __m128i *>(key.text + 16)));
        equal |= static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16;
    }
    return (equal & key.mask) == key.mask;
#else
    return memcmp(p, key.text, key.length) == 0;
#endif
}

}  // namespace

// Reads a key that was not where it was expected, with its colon; remembers it for the next record.
Column *laminar_json_decoder::unpredicted_key(
    Column &column, size_t &slot, const Byte *&p, const Byte *end, bool &failed, Fault &fault) {
    failed = true;
    const Byte *start = p;
    if (*p != '"') {
        unexpected(fault, p, end);
        return nullptr;
    }
    bool has_escape = false;
    const Byte *after = skip_string(p + 1, end, has_escape, fault);
    if (!after) return nullptr;
    const Byte *name = p + 1;
    size_t name_length = static_cast<size_t>(after - 1 - name);
    p = skip_space(after);
    if (*p != ':') {
        unexpected(fault, p, end);
        return nullptr;
    }
    p = skip_space(p + 1);
    failed = false;
    size_t text_length = static_cast<size_t>(p - start);
    if (has_escape) {
        scratch.resize(name_length + 8);
        int64_t written = unescape(name, name + name_length, scratch.data());
        if (written < 0) return nullptr;
        name = scratch.data();
        name_length = static_cast<size_t>(written);
    }
    Column *found = nullptr;
    for (Column *child : column.children)
        if (child->name.size() == name_length && memcmp(child->name.data(), name, name_length) == 0) {
            found = child;
            break;
        }
    auto &prediction = column.prediction;
    // Records that leave fields out: go on behind the place where this key is known.
    for (size_t next = slot + 1; next < prediction.size() && next < slot + 16; next++)
        if (prediction[next].length && text_length == prediction[next].length && matches(prediction[next], start)) {
            slot = next;
            return found;
        }
    // The prediction's length is bounded: absurdly wide records are read the slow way.
    if (!has_escape && text_length <= sizeof(PredictedKey::text) && slot < 1024) {
        while (prediction.size() <= slot) prediction.emplace_back();
        PredictedKey &key = prediction[slot];
        memset(key.text, 0, sizeof key.text);
        memcpy(key.text, start, text_length);
        key.length = static_cast<uint32_t>(text_length);
        key.mask = text_length == 32 ? ~0u : (1u << text_length) - 1;
        key.column = found;
    }
    return found;
}

// p is after the opening brace; afterwards behind the closing one.
bool laminar_json_decoder::object(
    Column &column, uint32_t row, const Byte *&p, const Byte *end, int depth, Fault &fault) {
    p = skip_space(p);
    if (*p == '}') {
        p++;
    } else {
        for (size_t slot = 0;; slot++) {
            Column *child;
            if (slot < column.prediction.size() && column.prediction[slot].length &&
                matches(column.prediction[slot], p)) {
                p += column.prediction[slot].length;
                child = column.prediction[slot].column;
            } else {
                bool failed;
                child = unpredicted_key(column, slot, p, end, failed, fault);
                if (failed) return false;
            }
            if (__builtin_expect(static_cast<signed char>(*p) <= ' ' && *p < 0x80, 0)) p = skip_space(p);
            if (child) {
                p = value(*child, row, p, end, depth - 1, fault);
            } else if (const Byte *stop = *p == '"' ? find_string_stop(p + 1) : p; *stop == '"' && stop != p) {
                p = stop + 1;
            } else {
                p = skip_value(p, end, depth - 1, fault);
            }
            if (!p) return false;
            if (*p != ',' && *p != '}') p = skip_space(p);
            if (*p == '}') {
                p++;
                break;
            }
            if (*p != ',') {
                unexpected(fault, p, end);
                return false;
            }
            p++;
            if (__builtin_expect(*p != '"', 0)) p = skip_space(p);
        }
    }
    for (Column *child : column.required)
        if (child->count != row + 1) {
            blame(fault, *child, p, kMissing, LAMINAR_JSON_FOUND_NOTHING);
            return false;
        }
    return true;
}

// p is at the opening bracket.
const Byte *laminar_json_decoder::list(
    Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault) {
    if (depth <= 0) return fail(fault, p, kTooDeep);
    Column &child = *column.children[0];
    column.prepare(row);
    // Present before its elements are read, so that rolling back takes them away too.
    column.mark_present(row);
    column.set_list_end(row);
    p = skip_space(p + 1);
    if (*p == ']') return p + 1;
    for (;;) {
        if (column.child_length >= INT32_MAX) return blame(fault, column, p, kTooLarge, LAMINAR_JSON_FOUND_ARRAY);
        p = value(child, column.child_length, p, end, depth - 1, fault);
        if (!p) return nullptr;
        column.child_length++;
        p = skip_space(p);
        if (*p == ']') break;
        if (*p != ',') return unexpected(fault, p, end);
        p = skip_space(p + 1);
    }
    column.set_list_end(row);
    return p + 1;
}

// p is at the opening brace. Entries are kept as they come, duplicate keys included.
const Byte *laminar_json_decoder::map(
    Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault) {
    if (depth <= 0) return fail(fault, p, kTooDeep);
    Column &entries = *column.children[0];
    column.prepare(row);
    column.mark_present(row);
    column.set_list_end(row);
    p = skip_space(p + 1);
    if (*p == '}') return p + 1;
    for (;;) {
        if (column.child_length >= INT32_MAX) return blame(fault, column, p, kTooLarge, LAMINAR_JSON_FOUND_OBJECT);
        uint32_t entry = column.child_length;
        entries.prepare(entry);
        entries.mark_present(entry);
        if (*p != '"') return unexpected(fault, p, end);
        p = string(*entries.children[0], entry, p, end, fault);
        if (!p) return nullptr;
        p = skip_space(p);
        if (*p != ':') return unexpected(fault, p, end);
        p = value(*entries.children[1], entry, skip_space(p + 1), end, depth - 1, fault);
        if (!p) return nullptr;
        column.child_length++;
        p = skip_space(p);
        if (*p == '}') break;
        if (*p != ',') return unexpected(fault, p, end);
        p = skip_space(p + 1);
    }
    column.set_list_end(row);
    return p + 1;
}

const Byte *laminar_json_decoder::value(
    Column &column, uint32_t row, const Byte *p, const Byte *end, int depth, Fault &fault) {
    if (*p == 'n' && is_null(p)) {
        column.set_null(row);
        return p + 4;
    }
    switch (column.kind) {
    case LAMINAR_JSON_RAW: {
        const Byte *after = skip_value(p, end, depth, fault);
        if (!after) return nullptr;
        size_t size = static_cast<size_t>(after - p);
        if (!is_block_utf8 && !simdjson::validate_utf8(reinterpret_cast<const char *>(p), size))
            return blame(fault, column, p, kBadUTF8, LAMINAR_JSON_FOUND_STRING);
        return stored(column, row, p, size, p, fault) ? after : nullptr;
    }
    case LAMINAR_JSON_BOOL:
        if (is_true(p)) {
            column.set_bool(row, true);
            return p + 4;
        }
        if (is_false(p)) {
            column.set_bool(row, false);
            return p + 5;
        }
        break;
    case LAMINAR_JSON_STRUCT:
        if (*p != '{') break;
        if (depth <= 0) return fail(fault, p, kTooDeep);
        column.prepare(row);
        column.mark_present(row);
        p++;
        return object(column, row, p, end, depth, fault) ? p : nullptr;
    case LAMINAR_JSON_LIST:
        if (*p != '[') break;
        return list(column, row, p, end, depth, fault);
    case LAMINAR_JSON_MAP:
        if (*p != '{') break;
        return map(column, row, p, end, depth, fault);
    case LAMINAR_JSON_NULL: return skip_value(p, end, depth, fault);
    default:
        if (*p == '"') return string(column, row, p, end, fault);
        if (is_digit(*p) || *p == '-') return number(column, row, p, end, fault);
        break;
    }
    if (*p == '"' && column.kind == LAMINAR_JSON_BOOL) return string(column, row, p, end, fault);
    return wrong_type(fault, column, p, end, depth);
}

size_t laminar_json_decoder::decode(size_t start, size_t row_limit) {
    const Byte *end = block + length;
    const Byte *p = block + start;
    if (is_at_stream_start && length > 0) {
        is_at_stream_start = false;
        if (start == 0 && length >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) p += 3;
    }
    while (p < end && rows < row_limit) {
        const Byte *line = p;
        lines++;
        p = skip_space(p);
        if (*p == '\n') {
            p++;
            continue;
        }
        if (p >= end) break;
        Fault fault;
        uint32_t row = static_cast<uint32_t>(rows);
        const Byte *after = record(p, end, row, fault);
        if (after) {
            after = skip_space(after);
            if (*after == '\n' || after >= end) {
                rows++;
                p = after < end ? after + 1 : end;
                continue;
            }
            fail(fault, after, kTrailing);
        }
        roll_back();
        bad++;
        report(fault, line);
        auto *next = static_cast<const Byte *>(memchr(line, '\n', static_cast<size_t>(end - line)));
        p = next ? next + 1 : end;
        if (options.stops_at_error) break;
        if (options.counts_errors) row_limit--;
    }
    return static_cast<size_t>(p - block);
}

const Byte *laminar_json_decoder::record(const Byte *p, const Byte *end, uint32_t row, Fault &fault) {
    if (options.is_unstructured) {
        const Byte *after = value(*root.children[0], row, p, end, options.nesting_limit, fault);
        if (after && !root.required.empty() && root.children[0]->count != row + 1)
            return blame(fault, *root.children[0], p, kMissing, LAMINAR_JSON_FOUND_NULL);
        return after;
    }
    if (*p != '{') {
        if (!skip_value(p, end, options.nesting_limit, fault)) return nullptr;
        fault.found = found_at(p);
        return fail(fault, p, kNotARecord);
    }
    p++;
    return object(root, row, p, end, options.nesting_limit, fault) ? p : nullptr;
}

void laminar_json_decoder::roll_back() {
    for (Column *column : root.children) column->truncate(static_cast<uint32_t>(rows));
}

void laminar_json_decoder::report(const Fault &fault, const Byte *line) {
    if (errors.size() >= static_cast<size_t>(options.error_limit)) return;
    laminar_json_error error{};
    error.reason = fault.reason;
    error.field = fault.field;
    error.found = fault.found;
    error.line = lines;
    error.line_offset = static_cast<size_t>(line - block);
    error.position = fault.at && fault.at >= line ? static_cast<size_t>(fault.at - line) : 0;
    errors.push_back(error);
}
