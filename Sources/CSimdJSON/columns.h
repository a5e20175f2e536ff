// Columns being filled. Nulls are lazy: a column whose count lags behind a row is null there.
#pragma once
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "include/CSimdJSON.h"
#include "scan.h"

namespace laminar {

struct Column;

// A key as it lay in the text: quotes and colon included, so that one comparison recognises it.
struct PredictedKey {
    alignas(16) Byte text[32];
    uint32_t length = 0;  // 0: predicts nothing
    uint32_t mask = 0;
    Column *column = nullptr;  // null: not wanted
};

struct Column {
    int32_t kind = 0;
    int32_t id = 0;
    bool is_nullable = true;
    int32_t precision = 0, scale = 0;
    uint32_t width = 0;  // bytes per value; 0 for bits and structs
    std::string name;
    std::vector<Column *> children;
    std::vector<Column *> required;           // children that must not be null
    std::vector<PredictedKey> prediction;     // of a struct: the previous record's keys in their order

    Byte *values = nullptr;
    Byte *validity = nullptr;
    uint32_t capacity = 0;
    uint32_t count = 0;         // rows filled in, lazy nulls between them included
    uint32_t present = 0;       // set validity bits
    uint32_t child_length = 0;  // of a list: rows its child has, lazy nulls included
    Byte *arena = nullptr;
    size_t arena_used = 0, arena_capacity = 0;
    bool refers_to_blocks = false;

    Column() = default;
    Column(const Column &) = delete;
    Column &operator=(const Column &) = delete;
    ~Column() {
        free(values);
        free(validity);
        free(arena);
    }

    bool is_list() const { return kind == LAMINAR_JSON_LIST || kind == LAMINAR_JSON_MAP; }

    void grow(uint32_t rows);
    void fill_nulls(uint32_t row);
    void truncate(uint32_t row);
    // Pads to `rows` rows, children included.
    void finish(uint32_t rows);
    Byte *reserve(size_t bytes);

    // Makes row `row` the one to be filled next.
    inline void prepare(uint32_t row) {
        if (__builtin_expect(row >= capacity, 0)) grow(row + 1);
        if (__builtin_expect(count != row, 0)) {
            if (count < row) fill_nulls(row); else truncate(row);
        }
    }

    inline void mark_present(uint32_t row) {
        validity[row >> 3] |= static_cast<Byte>(1u << (row & 7));
        present++;
        count = row + 1;
    }

    // Of a list: row `row` ends where the child ends now.
    inline void set_list_end(uint32_t row) {
        reinterpret_cast<int32_t *>(values)[row + 1] = static_cast<int32_t>(child_length);
    }

    template <typename T> inline void set(uint32_t row, T value) {
        prepare(row);
        reinterpret_cast<T *>(values)[row] = value;
        mark_present(row);
    }

    inline void set_null(uint32_t row) {
        if (__builtin_expect(count > row, 0)) truncate(row);
    }

    inline void set_bool(uint32_t row, bool value) {
        prepare(row);
        Byte bit = static_cast<Byte>(1u << (row & 7));
        values[row >> 3] = static_cast<Byte>(value ? values[row >> 3] | bit : values[row >> 3] & ~bit);
        mark_present(row);
    }

    // A text of at most twelve bytes; sixteen bytes from p on must be readable.
    inline void set_inline(uint32_t row, const Byte *p, uint32_t length) {
        static const uint64_t masks[9] = {
            0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffffull, 0xffffffffffffull, 0xffffffffffffffull, ~0ull};
        uint64_t low = load64(p), high = load32(p + 8);
        low &= masks[length < 8 ? length : 8];
        high &= masks[length > 8 ? length - 8 : 0];
        uint64_t pair[2] = {length | (low << 32), (low >> 32) | (high << 32)};
        prepare(row);
        memcpy(values + static_cast<size_t>(row) * 16, pair, 16);
        mark_present(row);
    }

    // A longer text at `offset` of data buffer `buffer`.
    inline void set_reference(uint32_t row, const Byte *p, uint32_t length, uint32_t buffer, size_t offset) {
        uint64_t pair[2] = {
            length | (static_cast<uint64_t>(load32(p)) << 32),
            buffer | (static_cast<uint64_t>(static_cast<uint32_t>(offset)) << 32)};
        prepare(row);
        memcpy(values + static_cast<size_t>(row) * 16, pair, 16);
        mark_present(row);
    }
};

}  // namespace laminar
