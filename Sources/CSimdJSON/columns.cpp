#include "columns.h"

namespace laminar {

namespace {

Byte *reallocate(Byte *old, size_t used, size_t bytes, bool zeroed) {
    // Kernels load whole words and vectors past the end.
    size_t size = (bytes + 8 + 63) & ~static_cast<size_t>(63);
    void *fresh = nullptr;
    if (posix_memalign(&fresh, 64, size) != 0) abort();
    if (used) memcpy(fresh, old, used);
    if (zeroed) memset(static_cast<Byte *>(fresh) + used, 0, size - used);
    free(old);
    return static_cast<Byte *>(fresh);
}

}  // namespace

void Column::grow(uint32_t rows) {
    uint32_t larger = capacity ? capacity * 2 : 64;
    if (larger < rows) larger = rows;
    larger = (larger + 63) & ~63u;
    size_t old_bits = capacity / 8;
    if (is_list()) {
        bool is_first = values == nullptr;
        values = reallocate(values, is_first ? 0 : (static_cast<size_t>(capacity) + 1) * 4, (larger + 1ull) * 4, false);
        if (is_first) memset(values, 0, 4);
    } else if (kind == LAMINAR_JSON_BOOL) {
        values = reallocate(values, old_bits, larger / 8, true);
    } else if (width) {
        values = reallocate(values, static_cast<size_t>(count) * width, static_cast<size_t>(larger) * width, false);
    }
    validity = reallocate(validity, old_bits, larger / 8, true);
    capacity = larger;
}

void Column::fill_nulls(uint32_t row) {
    if (row > capacity) grow(row);
    if (is_list()) {
        auto *offsets = reinterpret_cast<int32_t *>(values);
        for (uint32_t i = count; i < row; i++) offsets[i + 1] = static_cast<int32_t>(child_length);
    } else if (width) {
        memset(values + static_cast<size_t>(count) * width, 0, static_cast<size_t>(row - count) * width);
    }
    count = row;
}

void Column::truncate(uint32_t row) {
    if (count <= row) return;
    for (uint32_t i = row; i < count; i++) {
        Byte bit = static_cast<Byte>(1u << (i & 7));
        if (validity[i >> 3] & bit) {
            validity[i >> 3] = static_cast<Byte>(validity[i >> 3] & ~bit);
            present--;
        }
        if (kind == LAMINAR_JSON_BOOL) values[i >> 3] = static_cast<Byte>(values[i >> 3] & ~bit);
    }
    if (is_list()) {
        child_length = static_cast<uint32_t>(reinterpret_cast<int32_t *>(values)[row]);
        children[0]->truncate(child_length);
    } else {
        for (Column *child : children) child->truncate(row);
    }
    count = row;
}

void Column::finish(uint32_t rows) {
    if (rows > 0 && capacity == 0) grow(rows);
    // An empty list still has its first offset.
    if (is_list() && capacity == 0) grow(1);
    if (count < rows) fill_nulls(rows);
    for (Column *child : children) child->finish(is_list() ? child_length : rows);
}

Byte *Column::reserve(size_t bytes) {
    if (arena_used + bytes + 16 > arena_capacity) {
        size_t larger = arena_capacity ? arena_capacity * 2 : 4096;
        if (larger < arena_used + bytes + 16) larger = arena_used + bytes + 16;
        arena = reallocate(arena, arena_used, larger, false);
        arena_capacity = larger;
    }
    return arena + arena_used;
}

}  // namespace laminar
